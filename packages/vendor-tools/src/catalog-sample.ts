/** What `vendor init` puts into catalog.yaml. */
export const sampleCatalog = `# What this vendor sells. Licenses are made from it: keyhaven vendor license DIR --c2v FILE --product ID --out FILE.v2c
# A field that is left out has the value that the comment names as its default.
products:
  - id: 1                       # 0 to 65471, each once
    name: Survey                # at most 50 characters; default "Product <id>"
    features:
      - id: 42                  # 1 to 65471, each once in a product; feature 0 is in every key by itself
        name: Echo sounder      # at most 50 characters; default "Feature <id>"
        # With each of them optional from: not before this date. With expiration and period optional graceDays, 1 to 365: usable so long
        # after the end, and the application is told.
        # perpetual
        # period {days}         1 to 3650, from the first use on
        # expiration {until}    a date such as 2027-12-31, which counts to the end of that day in UTC, or a moment such as
        #                       2027-12-31T18:00:00Z or 2027-12-31T18:00:00+01:00
        # executions {count}    1 to 16777215
        license: { type: perpetual }
        concurrency:
          seats: 5              # 1 to 32752, or unlimited (default)
          count: login          # what takes a seat: login (default), process, station
          network: true         # other computers may use it; default false
          remoteDesktop: false  # usable in remote desktop sessions; default false
          virtualMachine: true  # usable where the key lives in a virtual machine; default true
        detachable: true        # may be taken along to another computer for a time; default false; not with executions
        # detachDays: 14        # and so many days at a time at most, 1 to 3650; default as the customer's settings say
    # Sizes in bytes; defaults 4032 and 2048, which are the largest for software keys. Products in one key share one memory of
    # the larger size. Contents are optional: text, hex or base64, in quotes. readOnlyData goes out with every license,
    # readWriteData with the first license of a key only, since later the memory holds what the application wrote.
    # dynamic: more files, such as { id: 1, size: 2097152, access: rw, data: { text: "first contents" } }; id 1 to 65471, up to 2 MiB each and
    # 3 MiB together, access ro, rw or rwo (written once).
    memory: { readWrite: 4032, readOnly: 2048, dynamic: [] }
    # Clone protection by the fingerprint of the computer; default none. For a physical machine PMType1 (disk or board must be the same), PMType2
    # (tolerant of more), PMType3 or PMType4 (Android); for a virtual one VMType1 (network address, processor and UUID), VMType2 (UUID and
    # generation id), VMType3 (instance of a cloud), VMType4 (instance and UUID); for both PlatformDefault, FQDN, Disable or
    # {criteria: [machine_id, fqdn, custom, ...], minimum: how many of them}. A scheme that is left out is PlatformDefault.
    # protection: { physical: PMType2, virtual: VMType1 }
    # rehost: true            # the customer may move a key with nothing but such products to another computer; default false
    # memory: { readOnlyData: { text: "for the survey fleet" }, readWriteData: { hex: "00000000" } }
`;
