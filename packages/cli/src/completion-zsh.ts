import { caseOf, places, takes } from './completion-cases.ts';
import { type CompletionNode, type Named, quoted } from './completion-tree.ts';

// For zsh from 5 on: sourced, or as the file _keyhaven of a directory of fpath.

const described = (of: readonly Named[]): string =>
  `found=(${of.map(({ name, description }) => quoted(`${name}:${description}`)).join(' ')})`;

export const zshScript = (tree: readonly CompletionNode[]): string => `#compdef keyhaven
# Completion of keyhaven for zsh; written by: keyhaven completion zsh
_keyhaven_commands() {
${caseOf(tree, ({ commands }) => (commands.length === 0 ? undefined : described(commands)))}
}
_keyhaven_options() {
${caseOf(tree, ({ options }) => described(options))}
}
_keyhaven_takes() {
${takes(tree)}
}
_keyhaven_place() {
${places(tree)}
}
_keyhaven_fill() {
  local -a answers
  case $1 in
    in:*) answers=(\${=1#in:}) ;;
    # Nothing is offered but what is only itself on a command line.
    ask:*) answers=(\${(f)"$("\${(Q)words[1]}" __values "\${1#ask:}" $asking 2>/dev/null)"}) ;;
    file) _files; return ;;
    dir) _files -/; return ;;
  esac
  (( $#answers )) && compadd -- $answers
}
_keyhaven() {
  setopt localoptions noshwordsplit noksharrays
  local -a found asking
  local word kind slot path_ literal slot_of_current
  local -i index=2 count=0
  while (( index < CURRENT )); do
    word=\${(Q)words[index]}
    if [[ -n $literal ]]; then
      count+=1
    else
      case $word in
        --) literal=1 ;;
        --lm=*|--password-file=*) asking+=($word) ;;
        -*=*) ;;
        -*)
          kind= slot=
          _keyhaven_takes "$path_" "$word"
          if [[ $kind == value ]] || { [[ $kind == maybe && $words[index+1] != -* ]] && (( index + 1 < CURRENT )) }; then
            index+=1
            (( index == CURRENT )) && slot_of_current=$slot
            case $word in --lm|--password-file) (( index < CURRENT )) && asking+=("$word=\${(Q)words[index]}") ;; esac
          fi
          ;;
        *)
          found=()
          _keyhaven_commands "$path_"
          if (( count == 0 )) && [[ -n \${found[(r)$word:*]} ]]; then
            path_=\${path_:+$path_ }$word
          else
            count+=1
          fi
          ;;
      esac
    fi
    index+=1
  done
  local current=$words[CURRENT]
  if [[ -n $slot_of_current ]]; then
    _keyhaven_fill $slot_of_current
  elif [[ -z $literal && $current == --*=* ]]; then
    slot=
    _keyhaven_takes "$path_" "\${current%%=*}"
    compset -P 1 '*='
    _keyhaven_fill $slot
  elif [[ -z $literal && $current == -* ]]; then
    found=()
    _keyhaven_options "$path_"
    _describe -o option found
  else
    found=()
    if [[ -z $literal ]] && (( count == 0 )); then
      _keyhaven_commands "$path_"
      (( $#found )) && _describe command found
    fi
    slot=
    _keyhaven_place "$path_" "$count"
    if [[ -n $slot ]]; then
      _keyhaven_fill $slot
    elif (( ! $#found )) && [[ -z $current ]]; then
      _keyhaven_options "$path_"
      _describe -o option found
    fi
  fi
}
if [[ $funcstack[1] == _keyhaven ]]; then
  _keyhaven "$@"
else
  compdef _keyhaven keyhaven
fi
`;
