function __greymoat_should_offer_completions_for_flags_or_options -a expected_commands
    set -l non_repeating_flags_or_options $argv[2..]
    set -l non_repeating_flags_or_options_absent 0
    set -l positional_index 0
    set -l commands
    __greymoat_parse_tokens
    test "$commands" = "$expected_commands"; and return $non_repeating_flags_or_options_absent
end

function __greymoat_should_offer_completions_for_positional -a expected_commands positional_index_comparison expected_positional_index
    set -l non_repeating_flags_or_options
    set -l non_repeating_flags_or_options_absent 0
    set -l positional_index 0
    set -l commands
    __greymoat_parse_tokens
    test "$commands" = "$expected_commands" -a \( "$positional_index" "$positional_index_comparison" "$expected_positional_index" \)
end

function __greymoat_parse_tokens -S
    set -l unparsed_tokens (__greymoat_tokens -pc)
    switch $unparsed_tokens[1]
    case 'greymoat'
        __greymoat_parse_subcommand 0 'version' 'h/help'
        switch $unparsed_tokens[1]
        case 'status'
            __greymoat_parse_subcommand 0 'json' 'watch' 'socket=' 'from=' 'version' 'h/help'
        case 'list'
            __greymoat_parse_subcommand -r 1 'json' 'csv' 'match=' 'socket=' 'from=' 'version' 'h/help'
        case 'explain'
            __greymoat_parse_subcommand 1 'json' 'socket=' 'from=' 'version' 'h/help'
        case 'white'
            __greymoat_parse_subcommand 0 'version' 'h/help'
            switch $unparsed_tokens[1]
            case 'add'
                __greymoat_parse_subcommand -r 1 'socket=' 'version' 'h/help'
            case 'remove'
                __greymoat_parse_subcommand -r 1 'socket=' 'version' 'h/help'
            case 'list'
                __greymoat_parse_subcommand 0 'json' 'csv' 'match=' 'socket=' 'from=' 'version' 'h/help'
            end
        case 'trapped'
            __greymoat_parse_subcommand 0 'version' 'h/help'
            switch $unparsed_tokens[1]
            case 'add'
                __greymoat_parse_subcommand -r 1 'socket=' 'version' 'h/help'
            case 'remove'
                __greymoat_parse_subcommand -r 1 'socket=' 'version' 'h/help'
            case 'list'
                __greymoat_parse_subcommand 0 'json' 'csv' 'match=' 'socket=' 'from=' 'version' 'h/help'
            end
        case 'spamtrap'
            __greymoat_parse_subcommand 0 'version' 'h/help'
            switch $unparsed_tokens[1]
            case 'add'
                __greymoat_parse_subcommand -r 1 'socket=' 'version' 'h/help'
            case 'remove'
                __greymoat_parse_subcommand -r 1 'socket=' 'version' 'h/help'
            case 'list'
                __greymoat_parse_subcommand 0 'json' 'csv' 'match=' 'socket=' 'from=' 'version' 'h/help'
            end
        case 'domain'
            __greymoat_parse_subcommand 0 'version' 'h/help'
            switch $unparsed_tokens[1]
            case 'add'
                __greymoat_parse_subcommand -r 1 'yes' 'socket=' 'version' 'h/help'
            case 'remove'
                __greymoat_parse_subcommand -r 1 'socket=' 'version' 'h/help'
            case 'list'
                __greymoat_parse_subcommand 0 'json' 'csv' 'match=' 'socket=' 'from=' 'version' 'h/help'
            end
        case 'allow'
            __greymoat_parse_subcommand 0 'version' 'h/help'
            switch $unparsed_tokens[1]
            case 'add'
                __greymoat_parse_subcommand -r 1 'file=' 'yes' 'socket=' 'version' 'h/help'
            case 'remove'
                __greymoat_parse_subcommand -r 1 'file=' 'socket=' 'version' 'h/help'
            case 'list'
                __greymoat_parse_subcommand 0 'json' 'csv' 'match=' 'socket=' 'from=' 'version' 'h/help'
            end
        case 'import'
            __greymoat_parse_subcommand 1 'n/dry-run' 'socket=' 'version' 'h/help'
        case 'firewall'
            __greymoat_parse_subcommand 0 'version' 'h/help'
            switch $unparsed_tokens[1]
            case 'apply'
                __greymoat_parse_subcommand 0 'ruleset=' 'socket=' 'version' 'h/help'
            case 'check'
                __greymoat_parse_subcommand 0 'ruleset=' 'socket=' 'version' 'h/help'
            case 'show'
                __greymoat_parse_subcommand 0 'table=' 'version' 'h/help'
            case 'remove'
                __greymoat_parse_subcommand 0 'table=' 'socket=' 'version' 'h/help'
            end
        case 'blocklist'
            __greymoat_parse_subcommand 0 'version' 'h/help'
            switch $unparsed_tokens[1]
            case 'load'
                __greymoat_parse_subcommand 0 'n/dry-run' 'json' 'socket=' 'version' 'h/help'
            case 'show'
                __greymoat_parse_subcommand 0 'json' 'socket=' 'version' 'h/help'
            end
        case 'export'
            __greymoat_parse_subcommand 0 'traplist' 'database=' 'socket=' 'from=' 'version' 'h/help'
        case 'reload'
            __greymoat_parse_subcommand 0 'socket=' 'version' 'h/help'
        case 'completions'
            __greymoat_parse_subcommand 1 'version' 'h/help'
        case 'help'
            __greymoat_parse_subcommand -r 1 'version'
        end
    end
end

function __greymoat_tokens
    if test (string split -m 1 -f 1 -- . "$FISH_VERSION") -gt 3
        commandline --tokens-raw $argv
    else
        commandline -o $argv
    end
end

function __greymoat_parse_subcommand -S -a positional_count
    argparse -s r -- $argv
    set -l option_specs $argv[2..]
    set -l is_repeating_positional $_flag_r
    set -el _flag_r
    set -a commands $unparsed_tokens[1]
    set positional_index 0
    while true
        set -e unparsed_tokens[1]
        argparse -sn "$commands" $option_specs -- $unparsed_tokens 2> /dev/null
        set unparsed_tokens $argv
        set positional_index (math $positional_index + 1)
        for non_repeating_flag_or_option in $non_repeating_flags_or_options
            if set -ql "_flag_$(string replace -a - _ -- $non_repeating_flag_or_option)"
                set non_repeating_flags_or_options_absent 1
                break
            end
        end
        test (count $unparsed_tokens) -eq 0 -o \( -z "$is_repeating_positional" -a "$positional_index" -gt "$positional_count" \) && break
    end
end

function __greymoat_complete_directories
    set -l token (commandline -t)
    string match -- '*/' $token
    set -l subdirs $token*/
    printf %s\n $subdirs
end

function __greymoat_custom_completion
    set -x SAP_SHELL fish
    set -x SAP_SHELL_VERSION $FISH_VERSION
    set -l tokens (__greymoat_tokens -p)
    if test -z "$(__greymoat_tokens -t)"
        set -l index (count (__greymoat_tokens -pc))
        set tokens $tokens[..$index] \'\' $tokens[(math $index + 1)..]
    end
    command $tokens[1] $argv $tokens
end

complete -c 'greymoat' -f
complete -c 'greymoat' -n '__greymoat_should_offer_completions_for_flags_or_options "greymoat" version' -l 'version' -d 'Show the version.'
complete -c 'greymoat' -n '__greymoat_should_offer_completions_for_flags_or_options "greymoat" h help' -s 'h' -l 'help' -d 'Show help information.'
complete -c 'greymoat' -n '__greymoat_should_offer_completions_for_positional "greymoat" -eq 1' -fa 'status' -d 'How it stands: processes, connections, database, firewall, packet log.'
complete -c 'greymoat' -n '__greymoat_should_offer_completions_for_positional "greymoat" -eq 1' -fa 'list' -d 'List the database: who waits, passed, or is held.'
complete -c 'greymoat' -n '__greymoat_should_offer_completions_for_positional "greymoat" -eq 1' -fa 'explain' -d 'What would happen to an address now, and why.'
complete -c 'greymoat' -n '__greymoat_should_offer_completions_for_positional "greymoat" -eq 1' -fa 'white' -d 'Hosts that proved themselves and meet no tarpit.'
complete -c 'greymoat' -n '__greymoat_should_offer_completions_for_positional "greymoat" -eq 1' -fa 'trapped' -d 'Hosts held in the tarpit until their time is up.'
complete -c 'greymoat' -n '__greymoat_should_offer_completions_for_positional "greymoat" -eq 1' -fa 'spamtrap' -d 'Mail addresses that trap the strangers who write to them.'
complete -c 'greymoat' -n '__greymoat_should_offer_completions_for_positional "greymoat" -eq 1' -fa 'domain' -d 'Domains we take mail for: once there is one, mail to any other traps.'
complete -c 'greymoat' -n '__greymoat_should_offer_completions_for_positional "greymoat" -eq 1' -fa 'allow' -d 'Blocks of addresses that always reach the real server.'
complete -c 'greymoat' -n '__greymoat_should_offer_completions_for_positional "greymoat" -eq 1' -fa 'import' -d 'Take in lines as `spamdb` or `greymoat export` printed them.'
complete -c 'greymoat' -n '__greymoat_should_offer_completions_for_positional "greymoat" -eq 1' -fa 'firewall' -d 'The ruleset that sends strangers to the tarpit.'
complete -c 'greymoat' -n '__greymoat_should_offer_completions_for_positional "greymoat" -eq 1' -fa 'blocklist' -d 'The lists of spamd.conf: load them now, or look at them.'
complete -c 'greymoat' -n '__greymoat_should_offer_completions_for_positional "greymoat" -eq 1' -fa 'export' -d 'Write the whole database as text, for `greymoat import`.'
complete -c 'greymoat' -n '__greymoat_should_offer_completions_for_positional "greymoat" -eq 1' -fa 'reload' -d 'Read the configuration again; a faulty one is refused and the old one stays.'
complete -c 'greymoat' -n '__greymoat_should_offer_completions_for_positional "greymoat" -eq 1' -fa 'completions' -d 'Print the completion script of a shell.'
complete -c 'greymoat' -n '__greymoat_should_offer_completions_for_positional "greymoat" -eq 1' -fa 'help' -d 'Show subcommand help information.'
complete -c 'greymoat' -n '__greymoat_should_offer_completions_for_flags_or_options "greymoat status" json' -l 'json' -d 'As a JSON object.'
complete -c 'greymoat' -n '__greymoat_should_offer_completions_for_flags_or_options "greymoat status" watch' -l 'watch' -d 'Draw the page again each second, until q or Ctrl-C.'
complete -c 'greymoat' -n '__greymoat_should_offer_completions_for_flags_or_options "greymoat status" socket' -l 'socket' -d 'The daemon\'s control socket; also GREYMOAT_SOCKET.' -rF
complete -c 'greymoat' -n '__greymoat_should_offer_completions_for_flags_or_options "greymoat status" from' -l 'from' -d 'Read this database and ask no daemon. GREYMOAT_DATABASE: what is read when none runs.' -rF
complete -c 'greymoat' -n '__greymoat_should_offer_completions_for_flags_or_options "greymoat status" version' -l 'version' -d 'Show the version.'
complete -c 'greymoat' -n '__greymoat_should_offer_completions_for_flags_or_options "greymoat status" h help' -s 'h' -l 'help' -d 'Show help information.'
complete -c 'greymoat' -n '__greymoat_should_offer_completions_for_positional "greymoat list" -ge 1' -fka 'grey white trapped spamtraps domains allow'
complete -c 'greymoat' -n '__greymoat_should_offer_completions_for_flags_or_options "greymoat list" json' -l 'json' -d 'As a JSON array, an object a line.'
complete -c 'greymoat' -n '__greymoat_should_offer_completions_for_flags_or_options "greymoat list" csv' -l 'csv' -d 'As comma-separated values (RFC 4180) behind a line of names.'
complete -c 'greymoat' -n '__greymoat_should_offer_completions_for_flags_or_options "greymoat list" match' -l 'match' -d 'Only rows that contain this text, in either case of letters.' -rfka ''
complete -c 'greymoat' -n '__greymoat_should_offer_completions_for_flags_or_options "greymoat list" socket' -l 'socket' -d 'The daemon\'s control socket; also GREYMOAT_SOCKET.' -rF
complete -c 'greymoat' -n '__greymoat_should_offer_completions_for_flags_or_options "greymoat list" from' -l 'from' -d 'Read this database and ask no daemon. GREYMOAT_DATABASE: what is read when none runs.' -rF
complete -c 'greymoat' -n '__greymoat_should_offer_completions_for_flags_or_options "greymoat list" version' -l 'version' -d 'Show the version.'
complete -c 'greymoat' -n '__greymoat_should_offer_completions_for_flags_or_options "greymoat list" h help' -s 'h' -l 'help' -d 'Show help information.'
complete -c 'greymoat' -n '__greymoat_should_offer_completions_for_flags_or_options "greymoat explain" json' -l 'json' -d 'As a JSON object.'
complete -c 'greymoat' -n '__greymoat_should_offer_completions_for_flags_or_options "greymoat explain" socket' -l 'socket' -d 'The daemon\'s control socket; also GREYMOAT_SOCKET.' -rF
complete -c 'greymoat' -n '__greymoat_should_offer_completions_for_flags_or_options "greymoat explain" from' -l 'from' -d 'Read this database and ask no daemon. GREYMOAT_DATABASE: what is read when none runs.' -rF
complete -c 'greymoat' -n '__greymoat_should_offer_completions_for_flags_or_options "greymoat explain" version' -l 'version' -d 'Show the version.'
complete -c 'greymoat' -n '__greymoat_should_offer_completions_for_flags_or_options "greymoat explain" h help' -s 'h' -l 'help' -d 'Show help information.'
complete -c 'greymoat' -n '__greymoat_should_offer_completions_for_flags_or_options "greymoat white" version' -l 'version' -d 'Show the version.'
complete -c 'greymoat' -n '__greymoat_should_offer_completions_for_flags_or_options "greymoat white" h help' -s 'h' -l 'help' -d 'Show help information.'
complete -c 'greymoat' -n '__greymoat_should_offer_completions_for_positional "greymoat white" -eq 1' -fa 'add' -d 'Add, or renew what is there.'
complete -c 'greymoat' -n '__greymoat_should_offer_completions_for_positional "greymoat white" -eq 1' -fa 'remove' -d 'Remove; exit status 1 for what is not there.'
complete -c 'greymoat' -n '__greymoat_should_offer_completions_for_positional "greymoat white" -eq 1' -fa 'list' -d 'List them, as `greymoat list` does.'
complete -c 'greymoat' -n '__greymoat_should_offer_completions_for_flags_or_options "greymoat white add" socket' -l 'socket' -d 'The daemon\'s control socket; also GREYMOAT_SOCKET.' -rF
complete -c 'greymoat' -n '__greymoat_should_offer_completions_for_flags_or_options "greymoat white add" version' -l 'version' -d 'Show the version.'
complete -c 'greymoat' -n '__greymoat_should_offer_completions_for_flags_or_options "greymoat white add" h help' -s 'h' -l 'help' -d 'Show help information.'
complete -c 'greymoat' -n '__greymoat_should_offer_completions_for_flags_or_options "greymoat white remove" socket' -l 'socket' -d 'The daemon\'s control socket; also GREYMOAT_SOCKET.' -rF
complete -c 'greymoat' -n '__greymoat_should_offer_completions_for_flags_or_options "greymoat white remove" version' -l 'version' -d 'Show the version.'
complete -c 'greymoat' -n '__greymoat_should_offer_completions_for_flags_or_options "greymoat white remove" h help' -s 'h' -l 'help' -d 'Show help information.'
complete -c 'greymoat' -n '__greymoat_should_offer_completions_for_flags_or_options "greymoat white list" json' -l 'json' -d 'As a JSON array, an object a line.'
complete -c 'greymoat' -n '__greymoat_should_offer_completions_for_flags_or_options "greymoat white list" csv' -l 'csv' -d 'As comma-separated values (RFC 4180) behind a line of names.'
complete -c 'greymoat' -n '__greymoat_should_offer_completions_for_flags_or_options "greymoat white list" match' -l 'match' -d 'Only rows that contain this text, in either case of letters.' -rfka ''
complete -c 'greymoat' -n '__greymoat_should_offer_completions_for_flags_or_options "greymoat white list" socket' -l 'socket' -d 'The daemon\'s control socket; also GREYMOAT_SOCKET.' -rF
complete -c 'greymoat' -n '__greymoat_should_offer_completions_for_flags_or_options "greymoat white list" from' -l 'from' -d 'Read this database and ask no daemon. GREYMOAT_DATABASE: what is read when none runs.' -rF
complete -c 'greymoat' -n '__greymoat_should_offer_completions_for_flags_or_options "greymoat white list" version' -l 'version' -d 'Show the version.'
complete -c 'greymoat' -n '__greymoat_should_offer_completions_for_flags_or_options "greymoat white list" h help' -s 'h' -l 'help' -d 'Show help information.'
complete -c 'greymoat' -n '__greymoat_should_offer_completions_for_flags_or_options "greymoat trapped" version' -l 'version' -d 'Show the version.'
complete -c 'greymoat' -n '__greymoat_should_offer_completions_for_flags_or_options "greymoat trapped" h help' -s 'h' -l 'help' -d 'Show help information.'
complete -c 'greymoat' -n '__greymoat_should_offer_completions_for_positional "greymoat trapped" -eq 1' -fa 'add' -d 'Add, or renew what is there.'
complete -c 'greymoat' -n '__greymoat_should_offer_completions_for_positional "greymoat trapped" -eq 1' -fa 'remove' -d 'Remove; exit status 1 for what is not there.'
complete -c 'greymoat' -n '__greymoat_should_offer_completions_for_positional "greymoat trapped" -eq 1' -fa 'list' -d 'List them, as `greymoat list` does.'
complete -c 'greymoat' -n '__greymoat_should_offer_completions_for_flags_or_options "greymoat trapped add" socket' -l 'socket' -d 'The daemon\'s control socket; also GREYMOAT_SOCKET.' -rF
complete -c 'greymoat' -n '__greymoat_should_offer_completions_for_flags_or_options "greymoat trapped add" version' -l 'version' -d 'Show the version.'
complete -c 'greymoat' -n '__greymoat_should_offer_completions_for_flags_or_options "greymoat trapped add" h help' -s 'h' -l 'help' -d 'Show help information.'
complete -c 'greymoat' -n '__greymoat_should_offer_completions_for_flags_or_options "greymoat trapped remove" socket' -l 'socket' -d 'The daemon\'s control socket; also GREYMOAT_SOCKET.' -rF
complete -c 'greymoat' -n '__greymoat_should_offer_completions_for_flags_or_options "greymoat trapped remove" version' -l 'version' -d 'Show the version.'
complete -c 'greymoat' -n '__greymoat_should_offer_completions_for_flags_or_options "greymoat trapped remove" h help' -s 'h' -l 'help' -d 'Show help information.'
complete -c 'greymoat' -n '__greymoat_should_offer_completions_for_flags_or_options "greymoat trapped list" json' -l 'json' -d 'As a JSON array, an object a line.'
complete -c 'greymoat' -n '__greymoat_should_offer_completions_for_flags_or_options "greymoat trapped list" csv' -l 'csv' -d 'As comma-separated values (RFC 4180) behind a line of names.'
complete -c 'greymoat' -n '__greymoat_should_offer_completions_for_flags_or_options "greymoat trapped list" match' -l 'match' -d 'Only rows that contain this text, in either case of letters.' -rfka ''
complete -c 'greymoat' -n '__greymoat_should_offer_completions_for_flags_or_options "greymoat trapped list" socket' -l 'socket' -d 'The daemon\'s control socket; also GREYMOAT_SOCKET.' -rF
complete -c 'greymoat' -n '__greymoat_should_offer_completions_for_flags_or_options "greymoat trapped list" from' -l 'from' -d 'Read this database and ask no daemon. GREYMOAT_DATABASE: what is read when none runs.' -rF
complete -c 'greymoat' -n '__greymoat_should_offer_completions_for_flags_or_options "greymoat trapped list" version' -l 'version' -d 'Show the version.'
complete -c 'greymoat' -n '__greymoat_should_offer_completions_for_flags_or_options "greymoat trapped list" h help' -s 'h' -l 'help' -d 'Show help information.'
complete -c 'greymoat' -n '__greymoat_should_offer_completions_for_flags_or_options "greymoat spamtrap" version' -l 'version' -d 'Show the version.'
complete -c 'greymoat' -n '__greymoat_should_offer_completions_for_flags_or_options "greymoat spamtrap" h help' -s 'h' -l 'help' -d 'Show help information.'
complete -c 'greymoat' -n '__greymoat_should_offer_completions_for_positional "greymoat spamtrap" -eq 1' -fa 'add' -d 'Add, or renew what is there.'
complete -c 'greymoat' -n '__greymoat_should_offer_completions_for_positional "greymoat spamtrap" -eq 1' -fa 'remove' -d 'Remove; exit status 1 for what is not there.'
complete -c 'greymoat' -n '__greymoat_should_offer_completions_for_positional "greymoat spamtrap" -eq 1' -fa 'list' -d 'List them, as `greymoat list` does.'
complete -c 'greymoat' -n '__greymoat_should_offer_completions_for_flags_or_options "greymoat spamtrap add" socket' -l 'socket' -d 'The daemon\'s control socket; also GREYMOAT_SOCKET.' -rF
complete -c 'greymoat' -n '__greymoat_should_offer_completions_for_flags_or_options "greymoat spamtrap add" version' -l 'version' -d 'Show the version.'
complete -c 'greymoat' -n '__greymoat_should_offer_completions_for_flags_or_options "greymoat spamtrap add" h help' -s 'h' -l 'help' -d 'Show help information.'
complete -c 'greymoat' -n '__greymoat_should_offer_completions_for_flags_or_options "greymoat spamtrap remove" socket' -l 'socket' -d 'The daemon\'s control socket; also GREYMOAT_SOCKET.' -rF
complete -c 'greymoat' -n '__greymoat_should_offer_completions_for_flags_or_options "greymoat spamtrap remove" version' -l 'version' -d 'Show the version.'
complete -c 'greymoat' -n '__greymoat_should_offer_completions_for_flags_or_options "greymoat spamtrap remove" h help' -s 'h' -l 'help' -d 'Show help information.'
complete -c 'greymoat' -n '__greymoat_should_offer_completions_for_flags_or_options "greymoat spamtrap list" json' -l 'json' -d 'As a JSON array, an object a line.'
complete -c 'greymoat' -n '__greymoat_should_offer_completions_for_flags_or_options "greymoat spamtrap list" csv' -l 'csv' -d 'As comma-separated values (RFC 4180) behind a line of names.'
complete -c 'greymoat' -n '__greymoat_should_offer_completions_for_flags_or_options "greymoat spamtrap list" match' -l 'match' -d 'Only rows that contain this text, in either case of letters.' -rfka ''
complete -c 'greymoat' -n '__greymoat_should_offer_completions_for_flags_or_options "greymoat spamtrap list" socket' -l 'socket' -d 'The daemon\'s control socket; also GREYMOAT_SOCKET.' -rF
complete -c 'greymoat' -n '__greymoat_should_offer_completions_for_flags_or_options "greymoat spamtrap list" from' -l 'from' -d 'Read this database and ask no daemon. GREYMOAT_DATABASE: what is read when none runs.' -rF
complete -c 'greymoat' -n '__greymoat_should_offer_completions_for_flags_or_options "greymoat spamtrap list" version' -l 'version' -d 'Show the version.'
complete -c 'greymoat' -n '__greymoat_should_offer_completions_for_flags_or_options "greymoat spamtrap list" h help' -s 'h' -l 'help' -d 'Show help information.'
complete -c 'greymoat' -n '__greymoat_should_offer_completions_for_flags_or_options "greymoat domain" version' -l 'version' -d 'Show the version.'
complete -c 'greymoat' -n '__greymoat_should_offer_completions_for_flags_or_options "greymoat domain" h help' -s 'h' -l 'help' -d 'Show help information.'
complete -c 'greymoat' -n '__greymoat_should_offer_completions_for_positional "greymoat domain" -eq 1' -fa 'add' -d 'Add; the first one switches the whole mechanism on, and asks.'
complete -c 'greymoat' -n '__greymoat_should_offer_completions_for_positional "greymoat domain" -eq 1' -fa 'remove' -d 'Remove; exit status 1 for what is not there.'
complete -c 'greymoat' -n '__greymoat_should_offer_completions_for_positional "greymoat domain" -eq 1' -fa 'list' -d 'List them, as `greymoat list` does.'
complete -c 'greymoat' -n '__greymoat_should_offer_completions_for_flags_or_options "greymoat domain add" yes' -l 'yes' -d 'Do not ask before the first domain is added.'
complete -c 'greymoat' -n '__greymoat_should_offer_completions_for_flags_or_options "greymoat domain add" socket' -l 'socket' -d 'The daemon\'s control socket; also GREYMOAT_SOCKET.' -rF
complete -c 'greymoat' -n '__greymoat_should_offer_completions_for_flags_or_options "greymoat domain add" version' -l 'version' -d 'Show the version.'
complete -c 'greymoat' -n '__greymoat_should_offer_completions_for_flags_or_options "greymoat domain add" h help' -s 'h' -l 'help' -d 'Show help information.'
complete -c 'greymoat' -n '__greymoat_should_offer_completions_for_flags_or_options "greymoat domain remove" socket' -l 'socket' -d 'The daemon\'s control socket; also GREYMOAT_SOCKET.' -rF
complete -c 'greymoat' -n '__greymoat_should_offer_completions_for_flags_or_options "greymoat domain remove" version' -l 'version' -d 'Show the version.'
complete -c 'greymoat' -n '__greymoat_should_offer_completions_for_flags_or_options "greymoat domain remove" h help' -s 'h' -l 'help' -d 'Show help information.'
complete -c 'greymoat' -n '__greymoat_should_offer_completions_for_flags_or_options "greymoat domain list" json' -l 'json' -d 'As a JSON array, an object a line.'
complete -c 'greymoat' -n '__greymoat_should_offer_completions_for_flags_or_options "greymoat domain list" csv' -l 'csv' -d 'As comma-separated values (RFC 4180) behind a line of names.'
complete -c 'greymoat' -n '__greymoat_should_offer_completions_for_flags_or_options "greymoat domain list" match' -l 'match' -d 'Only rows that contain this text, in either case of letters.' -rfka ''
complete -c 'greymoat' -n '__greymoat_should_offer_completions_for_flags_or_options "greymoat domain list" socket' -l 'socket' -d 'The daemon\'s control socket; also GREYMOAT_SOCKET.' -rF
complete -c 'greymoat' -n '__greymoat_should_offer_completions_for_flags_or_options "greymoat domain list" from' -l 'from' -d 'Read this database and ask no daemon. GREYMOAT_DATABASE: what is read when none runs.' -rF
complete -c 'greymoat' -n '__greymoat_should_offer_completions_for_flags_or_options "greymoat domain list" version' -l 'version' -d 'Show the version.'
complete -c 'greymoat' -n '__greymoat_should_offer_completions_for_flags_or_options "greymoat domain list" h help' -s 'h' -l 'help' -d 'Show help information.'
complete -c 'greymoat' -n '__greymoat_should_offer_completions_for_flags_or_options "greymoat allow" version' -l 'version' -d 'Show the version.'
complete -c 'greymoat' -n '__greymoat_should_offer_completions_for_flags_or_options "greymoat allow" h help' -s 'h' -l 'help' -d 'Show help information.'
complete -c 'greymoat' -n '__greymoat_should_offer_completions_for_positional "greymoat allow" -eq 1' -fa 'add' -d 'Add blocks; all of them or, when one is faulty, none.'
complete -c 'greymoat' -n '__greymoat_should_offer_completions_for_positional "greymoat allow" -eq 1' -fa 'remove' -d 'Remove blocks, each as it was added.'
complete -c 'greymoat' -n '__greymoat_should_offer_completions_for_positional "greymoat allow" -eq 1' -fa 'list' -d 'List them, as `greymoat list` does.'
complete -c 'greymoat' -n '__greymoat_should_offer_completions_for_flags_or_options "greymoat allow add" file' -l 'file' -d 'A file with one block a line, - for standard input; empty lines and what follows a # are left out.' -rF
complete -c 'greymoat' -n '__greymoat_should_offer_completions_for_flags_or_options "greymoat allow add" yes' -l 'yes' -d 'Do not ask before a block wider than /8 (IPv4) or /16 (IPv6) is added.'
complete -c 'greymoat' -n '__greymoat_should_offer_completions_for_flags_or_options "greymoat allow add" socket' -l 'socket' -d 'The daemon\'s control socket; also GREYMOAT_SOCKET.' -rF
complete -c 'greymoat' -n '__greymoat_should_offer_completions_for_flags_or_options "greymoat allow add" version' -l 'version' -d 'Show the version.'
complete -c 'greymoat' -n '__greymoat_should_offer_completions_for_flags_or_options "greymoat allow add" h help' -s 'h' -l 'help' -d 'Show help information.'
complete -c 'greymoat' -n '__greymoat_should_offer_completions_for_flags_or_options "greymoat allow remove" file' -l 'file' -d 'A file with one block a line, - for standard input; empty lines and what follows a # are left out.' -rF
complete -c 'greymoat' -n '__greymoat_should_offer_completions_for_flags_or_options "greymoat allow remove" socket' -l 'socket' -d 'The daemon\'s control socket; also GREYMOAT_SOCKET.' -rF
complete -c 'greymoat' -n '__greymoat_should_offer_completions_for_flags_or_options "greymoat allow remove" version' -l 'version' -d 'Show the version.'
complete -c 'greymoat' -n '__greymoat_should_offer_completions_for_flags_or_options "greymoat allow remove" h help' -s 'h' -l 'help' -d 'Show help information.'
complete -c 'greymoat' -n '__greymoat_should_offer_completions_for_flags_or_options "greymoat allow list" json' -l 'json' -d 'As a JSON array, an object a line.'
complete -c 'greymoat' -n '__greymoat_should_offer_completions_for_flags_or_options "greymoat allow list" csv' -l 'csv' -d 'As comma-separated values (RFC 4180) behind a line of names.'
complete -c 'greymoat' -n '__greymoat_should_offer_completions_for_flags_or_options "greymoat allow list" match' -l 'match' -d 'Only rows that contain this text, in either case of letters.' -rfka ''
complete -c 'greymoat' -n '__greymoat_should_offer_completions_for_flags_or_options "greymoat allow list" socket' -l 'socket' -d 'The daemon\'s control socket; also GREYMOAT_SOCKET.' -rF
complete -c 'greymoat' -n '__greymoat_should_offer_completions_for_flags_or_options "greymoat allow list" from' -l 'from' -d 'Read this database and ask no daemon. GREYMOAT_DATABASE: what is read when none runs.' -rF
complete -c 'greymoat' -n '__greymoat_should_offer_completions_for_flags_or_options "greymoat allow list" version' -l 'version' -d 'Show the version.'
complete -c 'greymoat' -n '__greymoat_should_offer_completions_for_flags_or_options "greymoat allow list" h help' -s 'h' -l 'help' -d 'Show help information.'
complete -c 'greymoat' -n '__greymoat_should_offer_completions_for_positional "greymoat import" -eq 1' -F
complete -c 'greymoat' -n '__greymoat_should_offer_completions_for_flags_or_options "greymoat import" dry-run n' -s 'n' -l 'dry-run' -d 'Check every line, change nothing.'
complete -c 'greymoat' -n '__greymoat_should_offer_completions_for_flags_or_options "greymoat import" socket' -l 'socket' -d 'The daemon\'s control socket; also GREYMOAT_SOCKET.' -rF
complete -c 'greymoat' -n '__greymoat_should_offer_completions_for_flags_or_options "greymoat import" version' -l 'version' -d 'Show the version.'
complete -c 'greymoat' -n '__greymoat_should_offer_completions_for_flags_or_options "greymoat import" h help' -s 'h' -l 'help' -d 'Show help information.'
complete -c 'greymoat' -n '__greymoat_should_offer_completions_for_flags_or_options "greymoat firewall" version' -l 'version' -d 'Show the version.'
complete -c 'greymoat' -n '__greymoat_should_offer_completions_for_flags_or_options "greymoat firewall" h help' -s 'h' -l 'help' -d 'Show help information.'
complete -c 'greymoat' -n '__greymoat_should_offer_completions_for_positional "greymoat firewall" -eq 1' -fa 'apply' -d 'Load the ruleset and fill its sets, in one transaction.'
complete -c 'greymoat' -n '__greymoat_should_offer_completions_for_positional "greymoat firewall" -eq 1' -fa 'check' -d 'Say in words what is wrong with the firewall.'
complete -c 'greymoat' -n '__greymoat_should_offer_completions_for_positional "greymoat firewall" -eq 1' -fa 'show' -d 'The rules in the kernel now, without the sets\' elements.'
complete -c 'greymoat' -n '__greymoat_should_offer_completions_for_positional "greymoat firewall" -eq 1' -fa 'remove' -d 'Take the ruleset away: nothing is redirected any more until it is applied again.'
complete -c 'greymoat' -n '__greymoat_should_offer_completions_for_flags_or_options "greymoat firewall apply" ruleset' -l 'ruleset' -d 'This ruleset instead of the configured one, until greymoatd is started or reloaded (root only).' -rF
complete -c 'greymoat' -n '__greymoat_should_offer_completions_for_flags_or_options "greymoat firewall apply" socket' -l 'socket' -d 'The daemon\'s control socket; also GREYMOAT_SOCKET.' -rF
complete -c 'greymoat' -n '__greymoat_should_offer_completions_for_flags_or_options "greymoat firewall apply" version' -l 'version' -d 'Show the version.'
complete -c 'greymoat' -n '__greymoat_should_offer_completions_for_flags_or_options "greymoat firewall apply" h help' -s 'h' -l 'help' -d 'Show help information.'
complete -c 'greymoat' -n '__greymoat_should_offer_completions_for_flags_or_options "greymoat firewall check" ruleset' -l 'ruleset' -d 'Ask nft first whether it would take this ruleset, and look whether it fits greymoatd; nothing is loaded.' -rF
complete -c 'greymoat' -n '__greymoat_should_offer_completions_for_flags_or_options "greymoat firewall check" socket' -l 'socket' -d 'The daemon\'s control socket; also GREYMOAT_SOCKET.' -rF
complete -c 'greymoat' -n '__greymoat_should_offer_completions_for_flags_or_options "greymoat firewall check" version' -l 'version' -d 'Show the version.'
complete -c 'greymoat' -n '__greymoat_should_offer_completions_for_flags_or_options "greymoat firewall check" h help' -s 'h' -l 'help' -d 'Show help information.'
complete -c 'greymoat' -n '__greymoat_should_offer_completions_for_flags_or_options "greymoat firewall show" table' -l 'table' -d 'The table\'s name, when it is not the usual one.' -rfka ''
complete -c 'greymoat' -n '__greymoat_should_offer_completions_for_flags_or_options "greymoat firewall show" version' -l 'version' -d 'Show the version.'
complete -c 'greymoat' -n '__greymoat_should_offer_completions_for_flags_or_options "greymoat firewall show" h help' -s 'h' -l 'help' -d 'Show help information.'
complete -c 'greymoat' -n '__greymoat_should_offer_completions_for_flags_or_options "greymoat firewall remove" table' -l 'table' -d 'The table\'s name when no daemon runs and it is not the usual one.' -rfka ''
complete -c 'greymoat' -n '__greymoat_should_offer_completions_for_flags_or_options "greymoat firewall remove" socket' -l 'socket' -d 'The daemon\'s control socket; also GREYMOAT_SOCKET.' -rF
complete -c 'greymoat' -n '__greymoat_should_offer_completions_for_flags_or_options "greymoat firewall remove" version' -l 'version' -d 'Show the version.'
complete -c 'greymoat' -n '__greymoat_should_offer_completions_for_flags_or_options "greymoat firewall remove" h help' -s 'h' -l 'help' -d 'Show help information.'
complete -c 'greymoat' -n '__greymoat_should_offer_completions_for_flags_or_options "greymoat blocklist" version' -l 'version' -d 'Show the version.'
complete -c 'greymoat' -n '__greymoat_should_offer_completions_for_flags_or_options "greymoat blocklist" h help' -s 'h' -l 'help' -d 'Show help information.'
complete -c 'greymoat' -n '__greymoat_should_offer_completions_for_positional "greymoat blocklist" -eq 1' -fa 'load' -d 'Read spamd.conf, then fetch and load every list of it; one that fails keeps its last good copy.'
complete -c 'greymoat' -n '__greymoat_should_offer_completions_for_positional "greymoat blocklist" -eq 1' -fa 'show' -d 'Which lists are loaded, how old and how long they are.'
complete -c 'greymoat' -n '__greymoat_should_offer_completions_for_flags_or_options "greymoat blocklist load" dry-run n' -s 'n' -l 'dry-run' -d 'Fetch and check, load nothing.'
complete -c 'greymoat' -n '__greymoat_should_offer_completions_for_flags_or_options "greymoat blocklist load" json' -l 'json' -d 'As a JSON array.'
complete -c 'greymoat' -n '__greymoat_should_offer_completions_for_flags_or_options "greymoat blocklist load" socket' -l 'socket' -d 'The daemon\'s control socket; also GREYMOAT_SOCKET.' -rF
complete -c 'greymoat' -n '__greymoat_should_offer_completions_for_flags_or_options "greymoat blocklist load" version' -l 'version' -d 'Show the version.'
complete -c 'greymoat' -n '__greymoat_should_offer_completions_for_flags_or_options "greymoat blocklist load" h help' -s 'h' -l 'help' -d 'Show help information.'
complete -c 'greymoat' -n '__greymoat_should_offer_completions_for_flags_or_options "greymoat blocklist show" json' -l 'json' -d 'As a JSON array.'
complete -c 'greymoat' -n '__greymoat_should_offer_completions_for_flags_or_options "greymoat blocklist show" socket' -l 'socket' -d 'The daemon\'s control socket; also GREYMOAT_SOCKET.' -rF
complete -c 'greymoat' -n '__greymoat_should_offer_completions_for_flags_or_options "greymoat blocklist show" version' -l 'version' -d 'Show the version.'
complete -c 'greymoat' -n '__greymoat_should_offer_completions_for_flags_or_options "greymoat blocklist show" h help' -s 'h' -l 'help' -d 'Show help information.'
complete -c 'greymoat' -n '__greymoat_should_offer_completions_for_flags_or_options "greymoat export" traplist' -l 'traplist' -d 'Trapped addresses alone, one a line: a traplist for others.'
complete -c 'greymoat' -n '__greymoat_should_offer_completions_for_flags_or_options "greymoat export" database' -l 'database' -d 'Write a copy of the database file there instead; it must not exist yet.' -rF
complete -c 'greymoat' -n '__greymoat_should_offer_completions_for_flags_or_options "greymoat export" socket' -l 'socket' -d 'The daemon\'s control socket; also GREYMOAT_SOCKET.' -rF
complete -c 'greymoat' -n '__greymoat_should_offer_completions_for_flags_or_options "greymoat export" from' -l 'from' -d 'Read this database and ask no daemon. GREYMOAT_DATABASE: what is read when none runs.' -rF
complete -c 'greymoat' -n '__greymoat_should_offer_completions_for_flags_or_options "greymoat export" version' -l 'version' -d 'Show the version.'
complete -c 'greymoat' -n '__greymoat_should_offer_completions_for_flags_or_options "greymoat export" h help' -s 'h' -l 'help' -d 'Show help information.'
complete -c 'greymoat' -n '__greymoat_should_offer_completions_for_flags_or_options "greymoat reload" socket' -l 'socket' -d 'The daemon\'s control socket; also GREYMOAT_SOCKET.' -rF
complete -c 'greymoat' -n '__greymoat_should_offer_completions_for_flags_or_options "greymoat reload" version' -l 'version' -d 'Show the version.'
complete -c 'greymoat' -n '__greymoat_should_offer_completions_for_flags_or_options "greymoat reload" h help' -s 'h' -l 'help' -d 'Show help information.'
complete -c 'greymoat' -n '__greymoat_should_offer_completions_for_positional "greymoat completions" -eq 1' -fka 'bash zsh fish'
complete -c 'greymoat' -n '__greymoat_should_offer_completions_for_flags_or_options "greymoat completions" version' -l 'version' -d 'Show the version.'
complete -c 'greymoat' -n '__greymoat_should_offer_completions_for_flags_or_options "greymoat completions" h help' -s 'h' -l 'help' -d 'Show help information.'
complete -c 'greymoat' -n '__greymoat_should_offer_completions_for_flags_or_options "greymoat help" version' -l 'version' -d 'Show the version.'