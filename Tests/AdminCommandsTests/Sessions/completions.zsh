#compdef greymoat

__greymoat_complete() {
    local -ar non_empty_completions=("${@:#(|:*)}")
    local -ar empty_completions=("${(M)@:#(|:*)}")
    _describe -V '' non_empty_completions -- empty_completions -P $'\'\''
}

__greymoat_custom_complete() {
    local -a completions
    completions=("${(@f)"$("${command_name}" "${@}" "${command_line[@]}")"}")
    if [[ "${#completions[@]}" -gt 1 ]]; then
        __greymoat_complete "${completions[@]:0:-1}"
    fi
}

__greymoat_cursor_index_in_current_word() {
    if [[ -z "${QIPREFIX}${IPREFIX}${PREFIX}" ]]; then
        printf 0
    else
        printf %s "${#${(z)LBUFFER}[-1]}"
    fi
}

_greymoat() {
    emulate -RL zsh -G
    setopt extendedglob nullglob numericglobsort
    unsetopt aliases banghist

    local -xr SAP_SHELL=zsh
    local -x SAP_SHELL_VERSION
    SAP_SHELL_VERSION="$(builtin emulate zsh -c 'printf %s "${ZSH_VERSION}"')"
    local -r SAP_SHELL_VERSION

    local context state state_descr line
    local -A opt_args

    local -r command_name="${words[1]}"
    local -ar command_line=("${words[@]}")
    local -ir current_word_index="$((CURRENT - 1))"

    local -i ret=1
    local -ar arg_specs=(
        '--version[Show the version.]'
        '(-h --help)'{-h,--help}'[Show help information.]'
        '(-): :->command'
        '(-)*:: :->arg'
    )
    _arguments -w -s -S : "${arg_specs[@]}" && ret=0
    case "${state}" in
    command)
        local -ar subcommands=(
            'status:How it stands: processes, connections, database, firewall, packet log.'
            'list:List the database: who waits, passed, or is held.'
            'explain:What would happen to an address now, and why.'
            'white:Hosts that proved themselves and meet no tarpit.'
            'trapped:Hosts held in the tarpit until their time is up.'
            'spamtrap:Mail addresses that trap the strangers who write to them.'
            'domain:Domains we take mail for: once there is one, mail to any other traps.'
            'allow:Blocks of addresses that always reach the real server.'
            'import:Take in lines as `spamdb` or `greymoat export` printed them.'
            'firewall:The ruleset that sends strangers to the tarpit.'
            'blocklist:The lists of spamd.conf: load them now, or look at them.'
            'export:Write the whole database as text, for `greymoat import`.'
            'reload:Read the configuration again; a faulty one is refused and the old one stays.'
            'completions:Print the completion script of a shell.'
            'help:Show subcommand help information.'
        )
        _describe -V subcommand subcommands && ret=0
        ;;
    arg)
        case "${words[1]}" in
        status|list|explain|white|trapped|spamtrap|domain|allow|import|firewall|blocklist|export|reload|completions|help)
            "_greymoat_${words[1]}" && ret=0
            ;;
        esac
        ;;
    esac

    return "${ret}"
}

_greymoat_status() {
    local -i ret=1
    local -ar arg_specs=(
        '--json[As a JSON object.]'
        '--watch[Draw the page again each second, until q or Ctrl-C.]'
        '--socket[The daemon'\''s control socket; also GREYMOAT_SOCKET.]:path:_files'
        '--from[Read this database and ask no daemon. GREYMOAT_DATABASE\: what is read when none runs.]:path:_files'
        '--version[Show the version.]'
        '(-h --help)'{-h,--help}'[Show help information.]'
    )
    _arguments -w -s -S : "${arg_specs[@]}" && ret=0

    return "${ret}"
}

_greymoat_list() {
    local -i ret=1
    local -ar _kind=('grey' 'white' 'trapped' 'spamtraps' 'domains' 'allow')
    local -ar arg_specs=(
        '*:kind:{__greymoat_complete "${_kind[@]}"}'
        '--json[As a JSON array, an object a line.]'
        '--csv[As comma-separated values (RFC 4180) behind a line of names.]'
        '--match[Only rows that contain this text, in either case of letters.]:text:'
        '--socket[The daemon'\''s control socket; also GREYMOAT_SOCKET.]:path:_files'
        '--from[Read this database and ask no daemon. GREYMOAT_DATABASE\: what is read when none runs.]:path:_files'
        '--version[Show the version.]'
        '(-h --help)'{-h,--help}'[Show help information.]'
    )
    _arguments -w -s -S : "${arg_specs[@]}" && ret=0

    return "${ret}"
}

_greymoat_explain() {
    local -i ret=1
    local -ar arg_specs=(
        ':address:'
        '--json[As a JSON object.]'
        '--socket[The daemon'\''s control socket; also GREYMOAT_SOCKET.]:path:_files'
        '--from[Read this database and ask no daemon. GREYMOAT_DATABASE\: what is read when none runs.]:path:_files'
        '--version[Show the version.]'
        '(-h --help)'{-h,--help}'[Show help information.]'
    )
    _arguments -w -s -S : "${arg_specs[@]}" && ret=0

    return "${ret}"
}

_greymoat_white() {
    local -i ret=1
    local -ar arg_specs=(
        '--version[Show the version.]'
        '(-h --help)'{-h,--help}'[Show help information.]'
        '(-): :->command'
        '(-)*:: :->arg'
    )
    _arguments -w -s -S : "${arg_specs[@]}" && ret=0
    case "${state}" in
    command)
        local -ar subcommands=(
            'add:Add, or renew what is there.'
            'remove:Remove; exit status 1 for what is not there.'
            'list:List them, as `greymoat list` does.'
        )
        _describe -V subcommand subcommands && ret=0
        ;;
    arg)
        case "${words[1]}" in
        add|remove|list)
            "_greymoat_white_${words[1]}" && ret=0
            ;;
        esac
        ;;
    esac

    return "${ret}"
}

_greymoat_white_add() {
    local -i ret=1
    local -ar arg_specs=(
        '*:keys:'
        '--socket[The daemon'\''s control socket; also GREYMOAT_SOCKET.]:path:_files'
        '--version[Show the version.]'
        '(-h --help)'{-h,--help}'[Show help information.]'
    )
    _arguments -w -s -S : "${arg_specs[@]}" && ret=0

    return "${ret}"
}

_greymoat_white_remove() {
    local -i ret=1
    local -ar arg_specs=(
        '*:keys:'
        '--socket[The daemon'\''s control socket; also GREYMOAT_SOCKET.]:path:_files'
        '--version[Show the version.]'
        '(-h --help)'{-h,--help}'[Show help information.]'
    )
    _arguments -w -s -S : "${arg_specs[@]}" && ret=0

    return "${ret}"
}

_greymoat_white_list() {
    local -i ret=1
    local -ar arg_specs=(
        '--json[As a JSON array, an object a line.]'
        '--csv[As comma-separated values (RFC 4180) behind a line of names.]'
        '--match[Only rows that contain this text, in either case of letters.]:text:'
        '--socket[The daemon'\''s control socket; also GREYMOAT_SOCKET.]:path:_files'
        '--from[Read this database and ask no daemon. GREYMOAT_DATABASE\: what is read when none runs.]:path:_files'
        '--version[Show the version.]'
        '(-h --help)'{-h,--help}'[Show help information.]'
    )
    _arguments -w -s -S : "${arg_specs[@]}" && ret=0

    return "${ret}"
}

_greymoat_trapped() {
    local -i ret=1
    local -ar arg_specs=(
        '--version[Show the version.]'
        '(-h --help)'{-h,--help}'[Show help information.]'
        '(-): :->command'
        '(-)*:: :->arg'
    )
    _arguments -w -s -S : "${arg_specs[@]}" && ret=0
    case "${state}" in
    command)
        local -ar subcommands=(
            'add:Add, or renew what is there.'
            'remove:Remove; exit status 1 for what is not there.'
            'list:List them, as `greymoat list` does.'
        )
        _describe -V subcommand subcommands && ret=0
        ;;
    arg)
        case "${words[1]}" in
        add|remove|list)
            "_greymoat_trapped_${words[1]}" && ret=0
            ;;
        esac
        ;;
    esac

    return "${ret}"
}

_greymoat_trapped_add() {
    local -i ret=1
    local -ar arg_specs=(
        '*:keys:'
        '--socket[The daemon'\''s control socket; also GREYMOAT_SOCKET.]:path:_files'
        '--version[Show the version.]'
        '(-h --help)'{-h,--help}'[Show help information.]'
    )
    _arguments -w -s -S : "${arg_specs[@]}" && ret=0

    return "${ret}"
}

_greymoat_trapped_remove() {
    local -i ret=1
    local -ar arg_specs=(
        '*:keys:'
        '--socket[The daemon'\''s control socket; also GREYMOAT_SOCKET.]:path:_files'
        '--version[Show the version.]'
        '(-h --help)'{-h,--help}'[Show help information.]'
    )
    _arguments -w -s -S : "${arg_specs[@]}" && ret=0

    return "${ret}"
}

_greymoat_trapped_list() {
    local -i ret=1
    local -ar arg_specs=(
        '--json[As a JSON array, an object a line.]'
        '--csv[As comma-separated values (RFC 4180) behind a line of names.]'
        '--match[Only rows that contain this text, in either case of letters.]:text:'
        '--socket[The daemon'\''s control socket; also GREYMOAT_SOCKET.]:path:_files'
        '--from[Read this database and ask no daemon. GREYMOAT_DATABASE\: what is read when none runs.]:path:_files'
        '--version[Show the version.]'
        '(-h --help)'{-h,--help}'[Show help information.]'
    )
    _arguments -w -s -S : "${arg_specs[@]}" && ret=0

    return "${ret}"
}

_greymoat_spamtrap() {
    local -i ret=1
    local -ar arg_specs=(
        '--version[Show the version.]'
        '(-h --help)'{-h,--help}'[Show help information.]'
        '(-): :->command'
        '(-)*:: :->arg'
    )
    _arguments -w -s -S : "${arg_specs[@]}" && ret=0
    case "${state}" in
    command)
        local -ar subcommands=(
            'add:Add, or renew what is there.'
            'remove:Remove; exit status 1 for what is not there.'
            'list:List them, as `greymoat list` does.'
        )
        _describe -V subcommand subcommands && ret=0
        ;;
    arg)
        case "${words[1]}" in
        add|remove|list)
            "_greymoat_spamtrap_${words[1]}" && ret=0
            ;;
        esac
        ;;
    esac

    return "${ret}"
}

_greymoat_spamtrap_add() {
    local -i ret=1
    local -ar arg_specs=(
        '*:keys:'
        '--socket[The daemon'\''s control socket; also GREYMOAT_SOCKET.]:path:_files'
        '--version[Show the version.]'
        '(-h --help)'{-h,--help}'[Show help information.]'
    )
    _arguments -w -s -S : "${arg_specs[@]}" && ret=0

    return "${ret}"
}

_greymoat_spamtrap_remove() {
    local -i ret=1
    local -ar arg_specs=(
        '*:keys:'
        '--socket[The daemon'\''s control socket; also GREYMOAT_SOCKET.]:path:_files'
        '--version[Show the version.]'
        '(-h --help)'{-h,--help}'[Show help information.]'
    )
    _arguments -w -s -S : "${arg_specs[@]}" && ret=0

    return "${ret}"
}

_greymoat_spamtrap_list() {
    local -i ret=1
    local -ar arg_specs=(
        '--json[As a JSON array, an object a line.]'
        '--csv[As comma-separated values (RFC 4180) behind a line of names.]'
        '--match[Only rows that contain this text, in either case of letters.]:text:'
        '--socket[The daemon'\''s control socket; also GREYMOAT_SOCKET.]:path:_files'
        '--from[Read this database and ask no daemon. GREYMOAT_DATABASE\: what is read when none runs.]:path:_files'
        '--version[Show the version.]'
        '(-h --help)'{-h,--help}'[Show help information.]'
    )
    _arguments -w -s -S : "${arg_specs[@]}" && ret=0

    return "${ret}"
}

_greymoat_domain() {
    local -i ret=1
    local -ar arg_specs=(
        '--version[Show the version.]'
        '(-h --help)'{-h,--help}'[Show help information.]'
        '(-): :->command'
        '(-)*:: :->arg'
    )
    _arguments -w -s -S : "${arg_specs[@]}" && ret=0
    case "${state}" in
    command)
        local -ar subcommands=(
            'add:Add; the first one switches the whole mechanism on, and asks.'
            'remove:Remove; exit status 1 for what is not there.'
            'list:List them, as `greymoat list` does.'
        )
        _describe -V subcommand subcommands && ret=0
        ;;
    arg)
        case "${words[1]}" in
        add|remove|list)
            "_greymoat_domain_${words[1]}" && ret=0
            ;;
        esac
        ;;
    esac

    return "${ret}"
}

_greymoat_domain_add() {
    local -i ret=1
    local -ar arg_specs=(
        '*:keys:'
        '--yes[Do not ask before the first domain is added.]'
        '--socket[The daemon'\''s control socket; also GREYMOAT_SOCKET.]:path:_files'
        '--version[Show the version.]'
        '(-h --help)'{-h,--help}'[Show help information.]'
    )
    _arguments -w -s -S : "${arg_specs[@]}" && ret=0

    return "${ret}"
}

_greymoat_domain_remove() {
    local -i ret=1
    local -ar arg_specs=(
        '*:keys:'
        '--socket[The daemon'\''s control socket; also GREYMOAT_SOCKET.]:path:_files'
        '--version[Show the version.]'
        '(-h --help)'{-h,--help}'[Show help information.]'
    )
    _arguments -w -s -S : "${arg_specs[@]}" && ret=0

    return "${ret}"
}

_greymoat_domain_list() {
    local -i ret=1
    local -ar arg_specs=(
        '--json[As a JSON array, an object a line.]'
        '--csv[As comma-separated values (RFC 4180) behind a line of names.]'
        '--match[Only rows that contain this text, in either case of letters.]:text:'
        '--socket[The daemon'\''s control socket; also GREYMOAT_SOCKET.]:path:_files'
        '--from[Read this database and ask no daemon. GREYMOAT_DATABASE\: what is read when none runs.]:path:_files'
        '--version[Show the version.]'
        '(-h --help)'{-h,--help}'[Show help information.]'
    )
    _arguments -w -s -S : "${arg_specs[@]}" && ret=0

    return "${ret}"
}

_greymoat_allow() {
    local -i ret=1
    local -ar arg_specs=(
        '--version[Show the version.]'
        '(-h --help)'{-h,--help}'[Show help information.]'
        '(-): :->command'
        '(-)*:: :->arg'
    )
    _arguments -w -s -S : "${arg_specs[@]}" && ret=0
    case "${state}" in
    command)
        local -ar subcommands=(
            'add:Add blocks; all of them or, when one is faulty, none.'
            'remove:Remove blocks, each as it was added.'
            'list:List them, as `greymoat list` does.'
        )
        _describe -V subcommand subcommands && ret=0
        ;;
    arg)
        case "${words[1]}" in
        add|remove|list)
            "_greymoat_allow_${words[1]}" && ret=0
            ;;
        esac
        ;;
    esac

    return "${ret}"
}

_greymoat_allow_add() {
    local -i ret=1
    local -ar arg_specs=(
        '*:networks:'
        '--file[A file with one block a line, - for standard input; empty lines and what follows a # are left out.]:path:_files'
        '--yes[Do not ask before a block wider than /8 (IPv4) or /16 (IPv6) is added.]'
        '--socket[The daemon'\''s control socket; also GREYMOAT_SOCKET.]:path:_files'
        '--version[Show the version.]'
        '(-h --help)'{-h,--help}'[Show help information.]'
    )
    _arguments -w -s -S : "${arg_specs[@]}" && ret=0

    return "${ret}"
}

_greymoat_allow_remove() {
    local -i ret=1
    local -ar arg_specs=(
        '*:networks:'
        '--file[A file with one block a line, - for standard input; empty lines and what follows a # are left out.]:path:_files'
        '--socket[The daemon'\''s control socket; also GREYMOAT_SOCKET.]:path:_files'
        '--version[Show the version.]'
        '(-h --help)'{-h,--help}'[Show help information.]'
    )
    _arguments -w -s -S : "${arg_specs[@]}" && ret=0

    return "${ret}"
}

_greymoat_allow_list() {
    local -i ret=1
    local -ar arg_specs=(
        '--json[As a JSON array, an object a line.]'
        '--csv[As comma-separated values (RFC 4180) behind a line of names.]'
        '--match[Only rows that contain this text, in either case of letters.]:text:'
        '--socket[The daemon'\''s control socket; also GREYMOAT_SOCKET.]:path:_files'
        '--from[Read this database and ask no daemon. GREYMOAT_DATABASE\: what is read when none runs.]:path:_files'
        '--version[Show the version.]'
        '(-h --help)'{-h,--help}'[Show help information.]'
    )
    _arguments -w -s -S : "${arg_specs[@]}" && ret=0

    return "${ret}"
}

_greymoat_import() {
    local -i ret=1
    local -ar arg_specs=(
        ':path:_files'
        '(-n --dry-run)'{-n,--dry-run}'[Check every line, change nothing.]'
        '--socket[The daemon'\''s control socket; also GREYMOAT_SOCKET.]:path:_files'
        '--version[Show the version.]'
        '(-h --help)'{-h,--help}'[Show help information.]'
    )
    _arguments -w -s -S : "${arg_specs[@]}" && ret=0

    return "${ret}"
}

_greymoat_firewall() {
    local -i ret=1
    local -ar arg_specs=(
        '--version[Show the version.]'
        '(-h --help)'{-h,--help}'[Show help information.]'
        '(-): :->command'
        '(-)*:: :->arg'
    )
    _arguments -w -s -S : "${arg_specs[@]}" && ret=0
    case "${state}" in
    command)
        local -ar subcommands=(
            'apply:Load the ruleset and fill its sets, in one transaction.'
            'check:Say in words what is wrong with the firewall.'
            'show:The rules in the kernel now, without the sets'\'' elements.'
            'remove:Take the ruleset away: nothing is redirected any more until it is applied again.'
        )
        _describe -V subcommand subcommands && ret=0
        ;;
    arg)
        case "${words[1]}" in
        apply|check|show|remove)
            "_greymoat_firewall_${words[1]}" && ret=0
            ;;
        esac
        ;;
    esac

    return "${ret}"
}

_greymoat_firewall_apply() {
    local -i ret=1
    local -ar arg_specs=(
        '--ruleset[This ruleset instead of the configured one, until greymoatd is started or reloaded (root only).]:path:_files'
        '--socket[The daemon'\''s control socket; also GREYMOAT_SOCKET.]:path:_files'
        '--version[Show the version.]'
        '(-h --help)'{-h,--help}'[Show help information.]'
    )
    _arguments -w -s -S : "${arg_specs[@]}" && ret=0

    return "${ret}"
}

_greymoat_firewall_check() {
    local -i ret=1
    local -ar arg_specs=(
        '--ruleset[Ask nft first whether it would take this ruleset, and look whether it fits greymoatd; nothing is loaded.]:path:_files'
        '--socket[The daemon'\''s control socket; also GREYMOAT_SOCKET.]:path:_files'
        '--version[Show the version.]'
        '(-h --help)'{-h,--help}'[Show help information.]'
    )
    _arguments -w -s -S : "${arg_specs[@]}" && ret=0

    return "${ret}"
}

_greymoat_firewall_show() {
    local -i ret=1
    local -ar arg_specs=(
        '--table[The table'\''s name, when it is not the usual one.]:name:'
        '--version[Show the version.]'
        '(-h --help)'{-h,--help}'[Show help information.]'
    )
    _arguments -w -s -S : "${arg_specs[@]}" && ret=0

    return "${ret}"
}

_greymoat_firewall_remove() {
    local -i ret=1
    local -ar arg_specs=(
        '--table[The table'\''s name when no daemon runs and it is not the usual one.]:name:'
        '--socket[The daemon'\''s control socket; also GREYMOAT_SOCKET.]:path:_files'
        '--version[Show the version.]'
        '(-h --help)'{-h,--help}'[Show help information.]'
    )
    _arguments -w -s -S : "${arg_specs[@]}" && ret=0

    return "${ret}"
}

_greymoat_blocklist() {
    local -i ret=1
    local -ar arg_specs=(
        '--version[Show the version.]'
        '(-h --help)'{-h,--help}'[Show help information.]'
        '(-): :->command'
        '(-)*:: :->arg'
    )
    _arguments -w -s -S : "${arg_specs[@]}" && ret=0
    case "${state}" in
    command)
        local -ar subcommands=(
            'load:Read spamd.conf, then fetch and load every list of it; one that fails keeps its last good copy.'
            'show:Which lists are loaded, how old and how long they are.'
        )
        _describe -V subcommand subcommands && ret=0
        ;;
    arg)
        case "${words[1]}" in
        load|show)
            "_greymoat_blocklist_${words[1]}" && ret=0
            ;;
        esac
        ;;
    esac

    return "${ret}"
}

_greymoat_blocklist_load() {
    local -i ret=1
    local -ar arg_specs=(
        '(-n --dry-run)'{-n,--dry-run}'[Fetch and check, load nothing.]'
        '--json[As a JSON array.]'
        '--socket[The daemon'\''s control socket; also GREYMOAT_SOCKET.]:path:_files'
        '--version[Show the version.]'
        '(-h --help)'{-h,--help}'[Show help information.]'
    )
    _arguments -w -s -S : "${arg_specs[@]}" && ret=0

    return "${ret}"
}

_greymoat_blocklist_show() {
    local -i ret=1
    local -ar arg_specs=(
        '--json[As a JSON array.]'
        '--socket[The daemon'\''s control socket; also GREYMOAT_SOCKET.]:path:_files'
        '--version[Show the version.]'
        '(-h --help)'{-h,--help}'[Show help information.]'
    )
    _arguments -w -s -S : "${arg_specs[@]}" && ret=0

    return "${ret}"
}

_greymoat_export() {
    local -i ret=1
    local -ar arg_specs=(
        '--traplist[Trapped addresses alone, one a line\: a traplist for others.]'
        '--database[Write a copy of the database file there instead; it must not exist yet.]:path:_files'
        '--socket[The daemon'\''s control socket; also GREYMOAT_SOCKET.]:path:_files'
        '--from[Read this database and ask no daemon. GREYMOAT_DATABASE\: what is read when none runs.]:path:_files'
        '--version[Show the version.]'
        '(-h --help)'{-h,--help}'[Show help information.]'
    )
    _arguments -w -s -S : "${arg_specs[@]}" && ret=0

    return "${ret}"
}

_greymoat_reload() {
    local -i ret=1
    local -ar arg_specs=(
        '--socket[The daemon'\''s control socket; also GREYMOAT_SOCKET.]:path:_files'
        '--version[Show the version.]'
        '(-h --help)'{-h,--help}'[Show help information.]'
    )
    _arguments -w -s -S : "${arg_specs[@]}" && ret=0

    return "${ret}"
}

_greymoat_completions() {
    local -i ret=1
    local -ar _shell=('bash' 'zsh' 'fish')
    local -ar arg_specs=(
        ':shell:{__greymoat_complete "${_shell[@]}"}'
        '--version[Show the version.]'
        '(-h --help)'{-h,--help}'[Show help information.]'
    )
    _arguments -w -s -S : "${arg_specs[@]}" && ret=0

    return "${ret}"
}

_greymoat_help() {
    local -i ret=1
    local -ar arg_specs=(
        '*:subcommands:'
        '--version[Show the version.]'
    )
    _arguments -w -s -S : "${arg_specs[@]}" && ret=0

    return "${ret}"
}

if [[ "${funcstack[1]}" = _greymoat ]]; then
    _greymoat "${@}"
else
    compdef _greymoat greymoat
fi