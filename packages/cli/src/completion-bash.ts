import { caseOf, places, takes } from './completion-cases.ts';
import { type CompletionNode, quoted } from './completion-tree.ts';

// For bash from 3.2 on, which macOS has: no associative arrays, no mapfile.

const words = (of: readonly { readonly name: string }[]): string => quoted(of.map(({ name }) => name).join(' '));

export const bashScript = (
  tree: readonly CompletionNode[],
): string => `# Completion of keyhaven for bash; written by: keyhaven completion bash
_keyhaven_commands() {
${caseOf(tree, ({ commands }) => (commands.length === 0 ? undefined : `found=${words(commands)}`))}
}
_keyhaven_options() {
${caseOf(tree, ({ options }) => `found=${words(options)}`)}
}
_keyhaven_takes() {
${takes(tree)}
}
_keyhaven_place() {
${places(tree)}
}
_keyhaven() {
  local -a words asking
  local rest=$COMP_LINE word piece found kind slot path= index=1 count=0 literal= i
  words=() asking=() COMPREPLY=()
  # bash cuts words at = and : too; here they are whole again.
  for ((i = 0; i <= COMP_CWORD; i++)); do
    word=\${COMP_WORDS[i]}
    if [[ $i -gt 0 && $rest != [[:space:]]* ]]; then
      words[\${#words[@]}-1]+=$word
    else
      rest=\${rest#"\${rest%%[![:space:]]*}"}
      words[\${#words[@]}]=$word
    fi
    rest=\${rest#"$word"}
  done
  piece=\${COMP_WORDS[COMP_CWORD]}
  case $piece in '=' | ':') piece= ;; esac
  local last=$((\${#words[@]} - 1))
  local current=\${words[last]} slot_of_current=
  while ((index < last)); do
    word=\${words[index]}
    if [[ $literal ]]; then
      count=$((count + 1))
    else
      case $word in
        --) literal=1 ;;
        --lm=* | --password-file=*) asking[\${#asking[@]}]=$word ;;
        -*=*) ;;
        -*)
          kind= slot=
          _keyhaven_takes "$path" "$word"
          if [[ $kind == value || ($kind == maybe && $((index + 1)) -lt $last && \${words[index + 1]} != -*) ]]; then
            index=$((index + 1))
            if ((index == last)); then slot_of_current=$slot; fi
            case $word in --lm | --password-file) ((index < last)) && asking[\${#asking[@]}]=$word=\${words[index]} ;; esac
          fi
          ;;
        *)
          found=
          _keyhaven_commands "$path"
          if [[ $count -eq 0 && " $found " == *" $word "* ]]; then
            path=\${path:+$path }$word
          else
            count=$((count + 1))
          fi
          ;;
      esac
    fi
    index=$((index + 1))
  done
  local answers= prefix=
  if [[ $slot_of_current ]]; then
    slot=$slot_of_current
  elif [[ ! $literal && $current == --*=* ]]; then
    slot=
    _keyhaven_takes "$path" "\${current%%=*}"
    prefix=\${current%%=*}=
    current=\${current#*=}
  elif [[ ! $literal && $current == -* ]]; then
    slot=
    found=
    _keyhaven_options "$path"
    answers=$found
  else
    slot=
    found=
    [[ $literal || $count -gt 0 ]] || _keyhaven_commands "$path"
    answers=$found
    _keyhaven_place "$path" "$count"
    if [[ ! $answers && ! $slot && ! $current ]]; then
      _keyhaven_options "$path"
      answers=$found
    fi
  fi
  local actions=
  case $slot in
    in:*) answers="$answers \${slot#in:}" ;;
    # Nothing is offered but what is only itself on a command line.
    ask:*) answers="$answers $("\${words[0]}" __values "\${slot#ask:}" \${asking[@]+"\${asking[@]}"} 2>/dev/null)" ;;
    file) actions=-f ;;
    dir) actions=-d ;;
  esac
  local whole=$current cut=
  # What bash has cut off before the cursor is not repeated.
  [[ $prefix$whole == *"$piece" ]] && cut=$prefix\${whole} && cut=\${cut%"$piece"}
  cut=\${cut#"$prefix"}
  local answer
  while IFS= read -r answer; do
    [[ $answer ]] && COMPREPLY[\${#COMPREPLY[@]}]=\${answer#"$cut"}
  done < <(
    [[ $answers ]] && compgen -W "$answers" -- "$whole"
    [[ $actions ]] && compgen $actions -- "$whole"
  )
  if [[ $actions ]]; then compopt -o filenames 2>/dev/null; fi
  return 0
}
complete -F _keyhaven keyhaven
`;
