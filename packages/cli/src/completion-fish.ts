import type { CompletionNode, Named } from './completion-tree.ts';

// For fish from 3 on.

const quoted = (text: string): string =>
  `'${text
    .replaceAll(/\p{Cc}+/gu, ' ')
    .replaceAll('\\', '\\\\')
    .replaceAll("'", "\\'")}'`;
const printed = (of: readonly Named[]): string =>
  `printf '%s\\t%s\\n' ${of.map(({ name, description }) => `${quoted(name)} ${quoted(description)}`).join(' ')}`;
const switchOn = (on: string, cases: readonly (readonly [pattern: string, then: string])[]): string =>
  [`  switch ${on}`, ...cases.map(([pattern, then]) => `    case ${pattern}\n      ${then}`), '  end'].join('\n');

export const fishScript = (
  tree: readonly CompletionNode[],
): string => `# Completion of keyhaven for fish; written by: keyhaven completion fish
function __keyhaven_commands
${switchOn(
  '"$argv[1]"',
  tree.flatMap(({ path, commands }) => (commands.length === 0 ? [] : [[quoted(path), printed(commands)] as const])),
)}
end
function __keyhaven_options
${switchOn(
  '"$argv[1]"',
  tree.map(({ path, options }) => [quoted(path), printed(options)] as const),
)}
end
function __keyhaven_takes
${switchOn(
  '"$argv[1]|$argv[2]"',
  tree.flatMap(({ path, options }) =>
    options.flatMap(({ name, takes, slot }) =>
      takes === 'nothing' ? [] : [[quoted(`${path}|${name}`), `printf '%s\\n' ${takes} ${quoted(slot)}`] as const],
    ),
  ),
)}
end
function __keyhaven_place
${switchOn(
  '"$argv[1]|$argv[2]"',
  tree.flatMap(({ path, places, repeats }) =>
    places.map((slot, index) => {
      const pattern = repeats && index === places.length - 1 ? quoted(`${path}|*`) : quoted(`${path}|${index}`);
      return [pattern, `echo ${quoted(slot)}`] as const;
    }),
  ),
)}
end
function __keyhaven_fill
  set -l slot $argv[1]
  set -l current $argv[2]
  set -l program $argv[3]
  set -l asking $argv[4..-1]
  switch "$slot"
    case 'in:*'
      string split ' ' (string sub -s 4 -- $slot)
    case 'ask:*'
      # Nothing is offered but what is only itself on a command line.
      $program __values (string sub -s 5 -- $slot) $asking 2>/dev/null
    case file
      __fish_complete_path $current
    case dir
      __fish_complete_directories $current ''
  end
end
function __keyhaven_complete
  set -l tokens (commandline -opc)
  set -l current (commandline -ct)
  set -l program $tokens[1]
  set -l path ''
  set -l count 0
  set -l literal 0
  set -l waiting ''
  set -l asking
  set -l index 2
  while test $index -le (count $tokens)
    set -l word $tokens[$index]
    if test $literal = 1
      set count (math $count + 1)
    else
      switch $word
        case --
          set literal 1
        case '--lm=*' '--password-file=*'
          set -a asking $word
        case '-*=*'
        case '-*'
          set -l takes (__keyhaven_takes "$path" $word)
          set -l next (math $index + 1)
          if test "$takes[1]" = value
            set index $next
            if test $index -gt (count $tokens)
              set waiting $takes[2]
            else if contains -- $word --lm --password-file
              set -a asking "$word=$tokens[$index]"
            end
          else if test "$takes[1]" = maybe; and test $next -le (count $tokens); and not string match -q -- '-*' "$tokens[$next]"
            set index $next
          end
        case '*'
          if test $count = 0; and contains -- $word (__keyhaven_commands "$path" | string replace -r '\\t.*' '')
            set path (string trim -- "$path $word")
          else
            set count (math $count + 1)
          end
      end
    end
    set index (math $index + 1)
  end
  if test -n "$waiting"
    __keyhaven_fill $waiting "$current" $program $asking
  else if test $literal = 0; and string match -q -- '--*=*' "$current"
    set -l parts (string split -m 1 = -- $current)
    set -l takes (__keyhaven_takes "$path" $parts[1])
    for value in (__keyhaven_fill "$takes[2]" "$parts[2]" $program $asking)
      echo "$parts[1]=$value"
    end
  else if test $literal = 0; and string match -q -- '-*' "$current"
    __keyhaven_options "$path"
  else
    set -l found
    if test $literal = 0; and test $count = 0
      set found (__keyhaven_commands "$path")
    end
    set -l slot (__keyhaven_place "$path" $count)
    if test -n "$slot"
      set -a found (__keyhaven_fill $slot "$current" $program $asking)
    else if test (count $found) = 0; and test -z "$current"
      set found (__keyhaven_options "$path")
    end
    printf '%s\\n' $found
  end
end
complete -c keyhaven -f -a '(__keyhaven_complete)'
`;
