-- Keyhaven in Wireshark and tshark: discovery and notifications (UDP), the local protocol and the link between license managers (TCP),
-- port 1947. Bytes as in docs/protocol; kinds of traffic as in docs/network.md. Works with the Lua of Wireshark 3.6 and later.
--
-- One TCP port carries three things, told apart by the first byte of who connects (L6): 00 the local protocol, a capital letter HTTP,
-- 16 TLS. HTTP and TLS are dissected by Wireshark; of HTTP between license managers the base64 in the bodies is opened as well. Records of a
-- channel are encrypted end to end: of them there is the counter and the length.

local keyhaven = Proto("keyhaven", "Keyhaven license manager")
keyhaven.prefs.port = Pref.uint("Port", 1947, "UDP and TCP port of the license managers")

-- Fields ------------------------------------------------------------------------------------------------------------------------

local fields = {}
local function field(name, make, label, ...)
  fields[name] = make("keyhaven." .. name, label, ...)
end
local probings = { [1] = "call", [2] = "heard", [3] = "size" }
local yesno = { [0] = "no", [1] = "yes" }
local changes = { [1] = "added", [2] = "removed", [3] = "changed" }
local datagrams = { [1] = "ask", [2] = "answer", [3] = "started", [4] = "stopping", [5] = "changed", [6] = "search" }
local actions = { [1] = "detach", [2] = "network detach", [3] = "cancel", [4] = "rehost" }

field("kind", ProtoField.string, "Kind of traffic")
field("datagram", ProtoField.uint8, "Datagram", base.DEC, datagrams)
field("version", ProtoField.uint8, "Version")
field("tcp_port", ProtoField.uint16, "TCP port")
field("boot", ProtoField.uint16, "Boot count")
field("guid", ProtoField.string, "GUID")
field("cookie", ProtoField.uint32, "Cookie", base.HEX)
field("sequence", ProtoField.uint32, "Sequence number")
field("entries", ProtoField.uint8, "Number of changes")
field("change", ProtoField.uint8, "Change", base.DEC, changes)
field("key", ProtoField.uint64, "Key id", base.DEC)
field("key_version", ProtoField.uint32, "Version of the key")

field("length", ProtoField.uint32, "Length")
field("message", ProtoField.string, "Message")
field("block", ProtoField.string, "Block")
field("request", ProtoField.string, "Request of the link")
field("number", ProtoField.uint32, "Request number")
field("channel", ProtoField.uint32, "Channel")
field("status", ProtoField.uint16, "Status")
field("detail", ProtoField.string, "Detail")
field("mark", ProtoField.bytes, "Mark")
field("lowest", ProtoField.uint8, "Lowest version")
field("highest", ProtoField.uint8, "Highest version")
field("pid", ProtoField.uint32, "Process id")
field("start", ProtoField.uint64, "Start of the process")
field("user", ProtoField.string, "User")
field("host", ProtoField.string, "Host")
field("application", ProtoField.string, "Application")
field("idle", ProtoField.uint32, "Idle time in milliseconds")
field("vendor", ProtoField.uint32, "Vendor id")
field("vendor_key", ProtoField.bytes, "Public key of the vendor")
field("feature", ProtoField.uint32, "Feature")
field("scope", ProtoField.string, "Scope")
field("candidates", ProtoField.uint16, "Number of candidates")
field("product", ProtoField.uint32, "Product")
field("address", ProtoField.string, "Address")
field("lm_kind", ProtoField.string, "Kind of license manager")
field("opening", ProtoField.bytes, "Opening")
field("answer", ProtoField.bytes, "Answer of the key")
field("counter", ProtoField.uint64, "Counter of the record")
field("sealed", ProtoField.bytes, "Sealed bytes")
field("began", ProtoField.uint64, "Began (milliseconds since 1970)")
field("station", ProtoField.bytes, "Station and its signature, or none")
field("process", ProtoField.string, "Process")
field("forwarded", ProtoField.uint8, "Forwarded", base.DEC, { [0] = "no", [1] = "yes" })
field("back_state", ProtoField.uint8, "Connection back", base.DEC, { [1] = "pending", [2] = "connected", [3] = "refused", [4] = "silent", [5] = "not tried" })
field("document", ProtoField.bytes, "Document")
field("wanted", ProtoField.uint8, "Wanted", base.HEX)
field("more", ProtoField.uint8, "More follows", base.DEC, yesno)
field("part", ProtoField.string, "Part of the answer")
field("action", ProtoField.uint8, "Action", base.DEC, actions)
field("seconds", ProtoField.uint32, "Seconds")
field("seats", ProtoField.uint16, "Seats")

field("link", ProtoField.uint32, "Link id", base.HEX)
field("exchange", ProtoField.uint64, "Sequence")
field("mac", ProtoField.bytes, "HMAC")
field("public_key", ProtoField.bytes, "Ed25519 public key")
field("nonce", ProtoField.bytes, "Nonce")
field("share", ProtoField.bytes, "X25519 public key")
field("digest", ProtoField.bytes, "Digest")
field("signature", ProtoField.bytes, "Signature")
field("session", ProtoField.bytes, "Session")
field("sessions", ProtoField.uint32, "Number of sessions")
field("probing", ProtoField.uint8, "Probe", base.DEC, probings)
field("probe_number", ProtoField.uint32, "Cookie or size")
field("file_wish", ProtoField.uint8, "Wish", base.DEC, { [1] = "detach", [2] = "return" })
field("remedy", ProtoField.string, "Remedy")
field("since", ProtoField.uint64, "Since version (0 = everything)")
field("wishes", ProtoField.uint8, "Wishes", base.HEX)
field("keys_gone", ProtoField.uint32, "Number of keys that are gone")
field("padding", ProtoField.bytes, "Padding")
field("agreed", ProtoField.uint8, "Both mean the same sessions", base.DEC, yesno)
field("catalog_version", ProtoField.uint64, "Version of the catalog")
field("catalog", ProtoField.string, "Keys (JSON)")
field("rest", ProtoField.bytes, "Bytes of an unknown form")

local broken = ProtoExpert.new("keyhaven.malformed", "Not in the form of docs/protocol", expert.group.MALFORMED, expert.severity.ERROR)
local refusal = ProtoExpert.new("keyhaven.refused", "A refusal", expert.group.RESPONSE_CODE, expert.severity.NOTE)
local list = {}
for _, each in pairs(fields) do list[#list + 1] = each end
keyhaven.fields = list
keyhaven.experts = { broken, refusal }

-- Reading -----------------------------------------------------------------------------------------------------------------------

local ALPHABET = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"

-- Base64url without padding, for GUIDs.
local function base64url(range)
  local out = {}
  for at = 0, range:len() - 3, 3 do
    local three = range(at, 3):uint()
    for shift = 3, 0, -1 do
      local six = math.floor(three / 64 ^ shift) % 64
      out[#out + 1] = ALPHABET:sub(six + 1, six + 1)
    end
  end
  return table.concat(out)
end

-- Walks over the parts of a body: { how, field, length }. Gives whether the body has exactly this form.
local sizes = { u8 = 1, u16 = 2, u32 = 4, u64 = 8 }
local walk

local function part(tvb, tree, at, how, name, length)
  local left = tvb:len() - at
  local size = sizes[how]
  if how == "text" then
    if left < 2 then return nil end
    size = tvb(at, 2):uint()
    if size > left - 2 then return nil end
    tree:add(fields[name], tvb(at, 2 + size), size == 0 and "" or tvb(at + 2, size):string(ENC_UTF_8))
    return at + 2 + size
  elseif how == "block" or how == "longtext" then
    if left < 4 then return nil end
    size = tvb(at, 4):uint()
    if size > left - 4 then return nil end
    if how == "longtext" then tree:add(fields[name], tvb(at, 4 + size), size == 0 and "" or tvb(at + 4, size):string(ENC_UTF_8))
    elseif size > 0 then tree:add(fields[name], tvb(at + 4, size)) end
    return at + 4 + size
  elseif how == "rest" then
    if left > 0 then tree:add(fields[name], tvb(at, left)) end
    return tvb:len()
  elseif how == "bytes" then
    size = length
  end
  if size > left then return nil end
  tree:add(fields[name], tvb(at, size))
  return at + size
end

walk = function(tvb, tree, parts, at)
  at = at or 0
  for _, each in ipairs(parts) do
    local how, name, length = each[1], each[2], each[3]
    if how == "list" then
      -- As many as the number that was just read says.
      local count = tvb(at - length, length):uint()
      for index = 1, count do
        if at > tvb:len() then return nil end
        local item = tree:add(keyhaven, tvb(at, 0), each[4] .. " " .. index)
        local from = at
        at = walk(tvb, item, name, at)
        if at == nil then return nil end
        item:set_len(at - from)
      end
    else
      at = part(tvb, tree, at, how, name, length)
      if at == nil then return nil end
    end
  end
  return at
end

local function opened_form(tvb, tree, parts)
  local ok, ended = pcall(walk, tvb, tree, parts)
  return ok and ended == tvb:len()
end

-- Discovery (D1 to D4) ----------------------------------------------------------------------------------------------------------

local KIND_OF_DATAGRAM = { "search", "answer", "started", "stopping", "changed", "search" }
-- An ask and a search carry a cookie, and so does the answer to them.
local HAS_COOKIE = { [1] = true, [2] = true, [6] = true }

-- Whether it is a datagram of ours: anything else on the port is nothing (D3).
local function is_datagram(tvb)
  if tvb:len() < 40 or tvb:len() > 1200 then return false end
  local kind, version, port = tvb(0, 1):uint(), tvb(1, 1):uint(), tvb(2, 2):uint()
  if datagrams[kind] == nil or version ~= 1 or (port == 0 and kind ~= 1 and kind ~= 6) then return false end
  if kind ~= 5 then return tvb:len() == 40 end
  if tvb:len() < 41 then return false end
  local count = tvb(40, 1):uint()
  if tvb:len() ~= 41 + 13 * count then return false end
  for index = 0, count - 1 do
    if changes[tvb(41 + 13 * index, 1):uint()] == nil then return false end
  end
  return true
end

local function dissect_datagram(tvb, pinfo, tree)
  if not is_datagram(tvb) then return 0 end
  local kind = tvb(0, 1):uint()
  local guid = base64url(tvb(6, 30))
  pinfo.cols.protocol = "KEYHAVEN"
  pinfo.cols.info = string.format("%s %s", datagrams[kind], guid)
  local sub = tree:add(keyhaven, tvb(), "Keyhaven discovery: " .. datagrams[kind])
  sub:add(fields.kind, KIND_OF_DATAGRAM[kind]):set_generated()
  sub:add(fields.datagram, tvb(0, 1))
  sub:add(fields.version, tvb(1, 1))
  sub:add(fields.tcp_port, tvb(2, 2))
  sub:add(fields.boot, tvb(4, 2))
  sub:add(fields.guid, tvb(6, 30), guid)
  sub:add(HAS_COOKIE[kind] and fields.cookie or fields.sequence, tvb(36, 4))
  if kind == 5 then
    local count = tvb(40, 1):uint()
    sub:add(fields.entries, tvb(40, 1))
    for index = 0, count - 1 do
      local at = 41 + 13 * index
      local entry = sub:add(keyhaven, tvb(at, 13), "Key " .. changes[tvb(at, 1):uint()])
      entry:add(fields.change, tvb(at, 1))
      entry:add(fields.key, tvb(at + 1, 8))
      entry:add(fields.key_version, tvb(at + 9, 4))
    end
  end
  return tvb:len()
end

-- Local protocol (M1 to M8, W12 to W25) -----------------------------------------------------------------------------------------

local record = { { "u32", "channel" }, { "u64", "counter" }, { "rest", "sealed" } }
local told = { { "u32", "number" }, { "u16", "status" }, { "text", "detail" }, { "u8", "more" }, { "longtext", "part" } }
local candidate = { { "u64", "key" }, { "u32", "product" }, { "text", "guid" }, { "text", "host" }, { "text", "address" }, { "text", "lm_kind" } }
local vendor = { { "u32", "number" }, { "u32", "vendor" }, { "bytes", "vendor_key", 32 } }
local function after_vendor(...)
  local parts = { vendor[1], vendor[2], vendor[3] }
  for _, each in ipairs({ ... }) do parts[#parts + 1] = each end
  return parts
end

local messages = {
  [1] = { "hello", { { "bytes", "mark", 2 }, { "u8", "lowest" }, { "u8", "highest" }, { "u32", "pid" }, { "u64", "start" }, { "text", "user" },
    { "text", "host" }, { "text", "application" } } },
  [2] = { "welcome", { { "u8", "version" }, { "text", "guid" }, { "text", "host" }, { "u32", "idle" } } },
  [3] = { "find", after_vendor({ "u32", "feature" }, { "text", "scope" }) },
  [4] = { "found", { { "u32", "number" }, { "u16", "status" }, { "text", "detail" }, { "u16", "candidates" }, { "list", candidate, 2, "Candidate" } } },
  [5] = { "open", { { "u32", "channel" }, { "u64", "key" }, { "text", "guid" }, { "block", "opening" } } },
  [6] = { "opened", { { "u32", "channel" }, { "block", "answer" } } },
  [7] = { "record", record },
  [8] = { "lost", { { "u32", "channel" }, { "u16", "status" }, { "text", "detail" } } },
  [9] = { "close", { { "u32", "channel" } } },
  [10] = { "refused", { { "u16", "status" }, { "text", "detail" } } },
  [11] = { "update", { { "u32", "number" }, { "block", "document" } } },
  [12] = { "updated", { { "u32", "number" }, { "u16", "status" }, { "text", "detail" } } },
  [13] = { "ask", after_vendor({ "u8", "wanted" }, { "text", "scope" }) },
  [14] = { "told", told },
  [15] = { "transfer", after_vendor({ "u8", "action" }, { "u32", "seconds" }, { "u16", "seats" }, { "text", "scope" }, { "block", "document" }) },
  [16] = { "attempt", after_vendor({ "u32", "feature" }, { "text", "scope" }) },
}

-- Blocks of the link (K9 to K36): the same frames.
local ids = { { "u32", "sessions" }, { "list", { { "bytes", "session", 16 } }, 4, "Session" } }
local blocks = {
  [5] = { "open", { { "u32", "channel" }, { "u64", "key" }, { "block", "opening" } } },
  [6] = messages[6],
  [7] = messages[7],
  [8] = messages[8],
  [9] = messages[9],
  [20] = { "attached", { { "u32", "channel" }, { "bytes", "session", 16 } } },
  [21] = { "detached", { { "bytes", "session", 16 } } },
  [22] = { "release", { { "bytes", "session", 16 } } },
  [23] = { "renew", { { "u32", "sessions" }, { "bytes", "digest", 16 } } },
  [24] = { "renewed", { { "u8", "agreed" } } },
  [25] = { "renewing", ids },
  [26] = { "gone", ids },
  [27] = { "ask catalog", { { "u64", "catalog_version" } } },
  [28] = { "catalog", { { "u64", "catalog_version" }, { "longtext", "catalog" } } },
  [29] = { "more", {} },
  [30] = { "catalog part", { { "u64", "catalog_version" }, { "longtext", "catalog" } } },
  [31] = { "listen", {} },
  [32] = { "probe", { { "u8", "probing" }, { "u32", "probe_number" }, { "block", "padding" } } },
  [33] = { "probed", { { "u8", "probing" }, { "u32", "probe_number" }, { "u8", "agreed" }, { "block", "padding" } } },
  [34] = { "ask changes", { { "u64", "since" }, { "u8", "wishes" } } },
  [35] = { "changes", { { "u64", "since" }, { "u64", "catalog_version" }, { "u8", "more" }, { "u32", "keys_gone" }, { "list", { { "u64", "key" } }, 4, "Key" }, { "longtext", "catalog" } } },
  -- What is wished for decides what stands before the document.
  [36] = { "ask file", { { "u32", "number" }, { "u8", "file_wish" }, { "rest", "document" } } },
  [37] = { "file", { { "u32", "number" }, { "u8", "more" }, { "u16", "status" }, { "text", "detail" }, { "text", "remedy" }, { "block", "document" } } },
  [38] = { "session", { { "bytes", "session", 16 }, { "u64", "key" }, { "u32", "product" }, { "u32", "feature" }, { "u16", "seats" }, { "u64", "began" } } },
  [39] = { "ask sessions", ids },
  [40] = { "end", { { "bytes", "session", 16 } } },
  [42] = { "test back", { { "u32", "probe_number" } } },
  [43] = { "tested back", { { "u32", "probe_number" }, { "u8", "back_state" } } },
  [41] = { "open for", { { "u32", "channel" }, { "u64", "key" }, { "block", "opening" }, { "text", "process" }, { "u8", "forwarded" } } },
}

-- One frame. Its name, for the column of information.
local function frame(tvb, tree, forms, name_field, title)
  local known = forms[tvb(4, 1):uint()]
  local name = known and known[1] or ("type " .. tvb(4, 1):uint())
  local sub = tree:add(keyhaven, tvb(), title .. ": " .. name)
  sub:add(fields.length, tvb(0, 4))
  sub:add(fields[name_field], tvb(4, 1), name)
  local good = false
  if tvb:len() == 5 then
    good = known ~= nil and #known[2] == 0
  elseif known ~= nil then
    good = opened_form(tvb(5):tvb(), sub, known[2])
  end
  if not good then sub:add_proto_expert_info(broken) end
  if name == "lost" or name == "refused" then sub:add_proto_expert_info(refusal) end
  return name
end

local function dissect_local(tvb, pinfo, tree)
  local before = tostring(pinfo.cols.protocol)
  local name = frame(tvb, tree, messages, "message", "Keyhaven local protocol")
  if before == "KEYHAVEN" then pinfo.cols.info:append(", " .. name) else pinfo.cols.info = name end
  pinfo.cols.protocol = "KEYHAVEN"
  return tvb:len()
end

local function frame_length(tvb, _, offset)
  return 4 + tvb(offset, 4):uint()
end

-- The link between license managers: base64 in HTTP bodies (K2 to K8) ------------------------------------------------------------

local greeting = { { "bytes", "public_key", 32 }, { "bytes", "nonce", 32 }, { "bytes", "share", 32 }, { "text", "host" } }
local hello = { { "u8", "lowest" }, { "u8", "highest" }, greeting[1], greeting[2], greeting[3], greeting[4] }
local hello_answer = { { "u32", "link" }, { "u8", "version" }, greeting[1], greeting[2], greeting[3], greeting[4], { "bytes", "signature", 64 } }
-- From version 5 of the link on, a station follows, or the word that there is none (K34).
local confirm = { { "u32", "link" }, { "bytes", "signature", 64 }, { "rest", "station" } }

local function base64_tvb(text)
  local plain = text:gsub("-", "+"):gsub("_", "/"):gsub("=", "")
  if plain == "" or plain:find("[^%w+/]") or #plain % 4 == 1 then return nil end
  plain = plain .. string.rep("=", (4 - #plain % 4) % 4)
  local ok, bytes = pcall(function() return ByteArray.new(plain, true):base64_decode() end)
  if not ok or bytes:len() == 0 then return nil end
  return bytes:tvb("Keyhaven body")
end

local function dissect_body(text, request, is_answer, tree)
  local tvb = base64_tvb(text)
  if tvb == nil then
    -- The answer to confirm is empty; what a license manager refuses, it says in words.
    return
  end
  local sub = tree:add(keyhaven, tvb(), "Keyhaven link: " .. request .. (is_answer and ", answer" or ""))
  local good
  if request == "hello" then
    good = opened_form(tvb, sub, is_answer and hello_answer or hello)
  elseif request == "confirm" then
    good = opened_form(tvb, sub, confirm)
  else
    good = tvb:len() >= 44
    if good then
      walk(tvb, sub, { { "u32", "link" }, { "u64", "exchange" }, { "bytes", "mac", 32 } })
      local at = 44
      while at < tvb:len() do
        local length = tvb:len() - at >= 5 and tvb(at, 4):uint() or 0
        if length < 1 or length > tvb:len() - at - 4 then good = false break end
        frame(tvb(at, 4 + length):tvb(), sub, blocks, "block", "Block")
        at = at + 4 + length
      end
    end
  end
  if not good then sub:add_proto_expert_info(broken) end
end

-- TCP: by the first byte of who connects (L6) ----------------------------------------------------------------------------------

local tcp_stream = Field.new("tcp.stream")
local http_body = Field.new("http.file_data")
local http_uri = Field.new("http.request.uri")
local http_of = Field.new("http.response_for.uri")
local http_code = Field.new("http.response.code")

-- What each connection is, by its stream. When a file is read for the first time without a tree, the number of the stream is not known: then by
-- addresses and ports.
local streams, pairs_of_ends = {}, {}
function keyhaven.init() streams, pairs_of_ends = {}, {} end

local function ends(pinfo)
  local one, other = tostring(pinfo.src) .. " " .. pinfo.src_port, tostring(pinfo.dst) .. " " .. pinfo.dst_port
  return one < other and one .. " " .. other or other .. " " .. one
end
local function remember(pinfo, kind)
  local stream = tcp_stream()
  if stream ~= nil then streams[stream.value] = kind end
  pairs_of_ends[ends(pinfo)] = kind
end
local function kind_of_stream(pinfo)
  local stream = tcp_stream()
  return stream ~= nil and streams[stream.value] or pairs_of_ends[ends(pinfo)]
end

local function kind_of(tvb)
  local first = tvb(0, 1):uint()
  if first == 0x00 then return "local" end
  if first == 0x16 then return "tls" end
  local line = tvb(0, math.min(tvb:len(), 200)):string()
  local method, path = line:match("^([A-Z]+) ([^ ?]+)")
  if method == nil then return "refused" end
  if method == "POST" and (path:match("^/lm/v1/%a+$")) then return "link" end
  if path == "/healthz" or path == "/readyz" then return "health" end
  return "administration"
end

local function text_of(info)
  local ok, text = pcall(function() return info.range:string() end)
  return ok and text or ""
end

local function dissect_http(tvb, pinfo, tree)
  Dissector.get("http"):call(tvb, pinfo, tree)
  local uris, codes, bodies = { http_uri() }, { http_code() }, { http_body() }
  local is_answer = #codes > 0
  local uri = is_answer and http_of() or uris[1]
  local request = uri and tostring(uri.value):match("/lm/v1/(%a+)$")
  if request == nil then return end
  local sub = tree:add(keyhaven, tvb(), "Keyhaven link")
  sub:add(fields.request, request):set_generated()
  pinfo.cols.info:append(" [Keyhaven " .. request .. "]")
  if is_answer and codes[1].value ~= 200 then
    sub:add_proto_expert_info(refusal)
  elseif #bodies > 0 then
    dissect_body(text_of(bodies[1]), request, is_answer, sub)
  end
end

local function dissect_tcp(tvb, pinfo, tree)
  if kind_of_stream(pinfo) == nil and pinfo.dst_port == keyhaven.prefs.port then remember(pinfo, kind_of(tvb)) end
  local kind = kind_of_stream(pinfo) or "administration"
  if kind == "local" then
    dissect_tcp_pdus(tvb, tree, 5, frame_length, dissect_local)
  elseif kind == "tls" then
    Dissector.get("tls"):call(tvb, pinfo, tree)
  elseif kind == "refused" then
    pinfo.cols.protocol = "KEYHAVEN"
    pinfo.cols.info = "no protocol of this port"
    tree:add(keyhaven, tvb(), "Keyhaven: no protocol of this port"):add(fields.rest, tvb())
  else
    dissect_http(tvb, pinfo, tree)
  end
  return tvb:len()
end

function keyhaven.dissector(tvb, pinfo, tree)
  if pinfo.port_type == 3 then return dissect_datagram(tvb, pinfo, tree) end
  return dissect_tcp(tvb, pinfo, tree)
end

-- Every segment has a kind, also those without contents: that of its connection, as far as it is known yet.
local kinds = Proto("keyhaven_kind", "Keyhaven kind of traffic")
function kinds.dissector(tvb, pinfo, tree)
  local port = keyhaven.prefs.port
  if tcp_stream() == nil or (pinfo.src_port ~= port and pinfo.dst_port ~= port) then return end
  local kind = kind_of_stream(pinfo) or "not known yet"
  tree:add(keyhaven, tvb(0, 0), "Keyhaven connection: " .. kind):add(fields.kind, kind):set_generated()
end
register_postdissector(kinds)

local registered
local function register()
  local tables = { DissectorTable.get("udp.port"), DissectorTable.get("tcp.port") }
  for _, each in ipairs(tables) do
    if registered ~= nil then each:remove(registered, keyhaven) end
    each:add(keyhaven.prefs.port, keyhaven)
  end
  registered = keyhaven.prefs.port
end
keyhaven.prefs_changed = register
register()
