# SPDX-License-Identifier: Apache-2.0
# Prints the cases of a test program, the last file, that assert nothing, neither themselves nor in a
# function of these files that they call.

# Remembers the text of each function and case.
/^[a-z].*\(/ && !/;/ {
    name = $0
    sub(/\(.*/, "", name)
    sub(/.*[ *]/, "", name)
}
/^START_TEST\(/ {
    name = $0
    gsub(/START_TEST\(|\).*/, "", name)
    cases[name] = FNR
}
name != "" { text[name] = text[name] "\n" $0 }
/^}/ { name = "" }

function asserts(name, i, words, count)
{
    if (text[name] ~ /t_assert|ck_assert|ck_abort|te_finish|te_close/)
        return 1
    count = split(text[name], words, /[^A-Za-z0-9_]+/)
    for (i = 1; i <= count; i++)
        if (words[i] in asserting)
            return 1
    return 0
}

END {
    do {
        more = 0
        for (name in text)
            if (!(name in asserting) && asserts(name)) {
                asserting[name] = 1
                more = 1
            }
    } while (more)
    for (name in cases)
        if (!(name in asserting))
            print FILENAME ":" cases[name] ": " name " asserts nothing"
}
