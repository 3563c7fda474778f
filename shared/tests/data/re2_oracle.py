"""Writes re2.json, the table that tests/re2.rs checks: what RE2 itself makes of patterns and values; and re2_sizes.json,
how many instructions its programs have, which src/re2/size.rs checks.

    python3 -m venv /tmp/re2 && /tmp/re2/bin/pip install google-re2==1.1.20251105
    /tmp/re2/bin/python shared/tests/data/re2_oracle.py

The table has three lists:
    matches:       [pattern, value, whether it matches in full], or [pattern, null, "refused"]
    substitutions: [pattern, rewrite, value, result], or [pattern, rewrite, null, "refused"]
    unsupported:   [pattern, why], which Istio takes and Sailcloth refuses
    not_istio:     [pattern, why], which RE2 takes and Istio refuses; its webhook's are what Go's `regexp.Compile` says
A value that is not UTF-8 is written {"hex": ".."}.
"""

import json
import pathlib
import random

import re2

OPTIONS = re2.Options()
OPTIONS.log_errors = False
# As Envoy has it since 1.39: patterns and values are bytes, each a character.
OPTIONS.encoding = re2.Options.Encoding.LATIN1
ANCHOR = re2._re2.RE2.Anchor


def compiled(pattern):
    """The pattern under the options Envoy sets, or None."""
    regexp = re2._re2.RE2(pattern.encode(), OPTIONS)
    return regexp if regexp.ok() else None


def full_match(regexp, value):
    return regexp.Match(ANCHOR.ANCHOR_BOTH, value, 0, len(value))[0] != (-1, -1)


def check_rewrite(regexp, rewrite):
    """RE2::CheckRewriteString, which the Python binding leaves out."""
    characters = iter(rewrite.decode("latin-1"))
    for c in characters:
        if c == "\\":
            c = next(characters, "")
            if c != "\\" and (c not in "0123456789" or c == "" or int(c) > regexp.NumberOfCapturingGroups()):
                return False
    return True


def global_replace(regexp, rewrite, value):
    """RE2::GlobalReplace, which the Python binding leaves out (its `sub` is Python's)."""
    out, p, last_end, count = b"", 0, None, 0
    while p <= len(value):
        spans = regexp.Match(ANCHOR.UNANCHORED, value, p, len(value))
        start, end = spans[0]
        if (start, end) == (-1, -1):
            break
        out += value[p:start]
        if start == last_end and start == end:
            out += value[p : p + 1]
            p += 1
            continue
        i = 0
        while i < len(rewrite):
            if rewrite[i : i + 1] == b"\\":
                i += 1
                c = rewrite[i : i + 1]
                if c == b"\\":
                    out += c
                else:
                    s, e = spans[int(c)]
                    out += value[s:e] if s >= 0 else b""
            else:
                out += rewrite[i : i + 1]
            i += 1
        p = last_end = end
        count += 1
    return out + value[p:] if count else value


# Patterns with the values to try; each becomes a row per value.
MATCHES = [
    # What the two syntaxes disagree on (dependencies.md).
    (r"[^[]+", ["abc", "a[c", "]", ""]),
    (r"[[]x", ["[x", "x", "]x"]),
    (r"[[]", ["[", "]"]),
    (r"a{", ["a{", "a", "aa"]),
    (r"{a}", ["{a}", "a"]),
    (r"{", ["{"]),
    (r"}", ["}"]),
    (r"a}", ["a}"]),
    (r"a{,3}", ["a{,3}", "aaa", ""]),
    (r"a{3,x}", ["a{3,x}", "aaa"]),
    (r"a{x}", ["a{x}"]),
    (r"a{01}", ["a{01}", "a"]),
    (r"a{1", ["a{1", "a"]),
    (r"a{1,", ["a{1,"]),
    (r"a{}", ["a{}", "a"]),
    (r"a{ 1}", ["a{ 1}"]),
    (r"a{0}", ["", "a", "a{0}"]),
    (r"a{0,0}b", ["b", "ab"]),
    (r"a{999999999}", [None]),
    (r"{2}", [None]),
    (r"\Qa.b\E", ["a.b", "axb"]),
    (r"\Qa.b\E*", ["a.bbb", "a.", "a.ba.b"]),
    (r"\Qa.b", ["a.b", "aab"]),
    ("\\Qa\\", ["a\\"]),
    (r"\Q\E", ["", "a"]),
    (r"a\Q\E*", ["aaa", ""]),
    (r"\Q\E*", [None]),
    (r"\Q(\E|b", ["(", "b"]),
    (r"\Q\n\E", ["\\n", "\n"]),
    (r"\E", [None]),
    (r"[\Qa]", [None]),
    (r"\101", ["A", "e", "\\101"]),
    (r"\0", ["\0", "0"]),
    (r"\08", ["\0" "8"]),
    (r"\012", ["\n"]),
    (r"\0123", ["\n3", "S"]),
    (r"\377", [{"hex": "ff"}, "ÿ"]),
    (r"\400", [None]),
    (r"\777", [None]),
    (r"[\101-\103]", ["B", "D"]),
    (r"\1", [None]),
    (r"(a)\1", [None]),
    (r"\8", [None]),
    (r"\18", [None]),
    (r"a{1000}", ["a" * 1000, "a" * 999]),
    (r"a{1001}", [None]),
    (r"a{1001,}", [None]),
    (r"a{0,1001}", [None]),
    (r"(a{500}){2}", ["a" * 1000, "a" * 500]),
    (r"(a{500}){3}", [None]),
    (r"((a{10}){10}){10}", ["a" * 1000]),
    (r"((a{10}){10}){11}", [None]),
    (r"(a{500}|b{2}){2,}", ["bbbb", "bb"]),
    (r"(a{500}|b{2}){3,}", [None]),
    (r"((a{500})*){2}", ["a" * 500]),
    (r"((a{501})*){2}", [None]),
    (r"(a{0,500}){2}", ["aaa"]),
    (r"(a{1000}){0}", [""]),
    (r"(a{1000}){1}", ["a"]),
    (r"(a{1000}){0,1}", [""]),
    (r"(a{1000}){0,2}", [None]),
    (r"(a{501}b{501}){1}", ["ab"]),
    (r"a{500}b{600}", ["ab"]),
    (r"a{2,1}", [None]),
    (r"x**", [None]),
    (r"x*+", [None]),
    (r"x++", [None]),
    (r"x??", ["", "x"]),
    (r"x???", [None]),
    (r"x*?", ["xx"]),
    (r"x*??", [None]),
    (r"x{2}{3}", [None]),
    (r"x{2}*", [None]),
    (r"x*{2}", [None]),
    (r"x{2}?", ["xx", "x"]),
    (r"x{2}??", [None]),
    (r"x{2,3}?", ["xx", "xxxx"]),
    (r"(x*)*", ["xx", "y"]),
    (r"(?:x{2}){3}", ["x" * 6, "x" * 5]),
    (r"x*(?i)*", ["xx", "X"]),
    (r"x+(?i)?", ["", "x", "xx"]),
    (r"x{2}(?i){3}", ["x" * 6, "xx"]),
    (r"x{40}(?i){30}", [None]),
    (r"x(?i)*y", ["xxY", "Xy"]),
    (r"(?x)", [None]),
    (r"(?x: a )", [None]),
    (r"(?R)", [None]),
    (r"(?u)a", [None]),
    (r"\u00e9", [None]),
    (r"\U000000e9", [None]),
    (r"\p{IsGreek}", [None]),
    (r"\pQ", [None]),
    (r"\p{Greek", [None]),
    (r"\p", [None]),
    (r"[\p{Nope}]", [None]),
    (r"[\p]", [None]),
    (r"[a--c]", [None]),
    (r"[+--]", ["+", ",", "-", "."]),
    (r"[--/]", ["-", ".", "/", "0"]),
    (r"[a&&b]", ["a", "b", "&", "c"]),
    (r"[a-z&&[aeiou]]", ["a]", "b]", "&]", "[]", "a"]),
    (r"[a~~b]", ["a", "b", "~", "c"]),
    (r"\<a\>", ["<a>", "a"]),
    (r"\b{start}a", ["a", "{start}a"]),
    (r"\d", ["1", "٣", "a", "１"]),
    (r"\D", ["1", "٣", "a", "\n"]),
    (r"\w", ["a", "_", "é", "-", "ſ"]),
    (r"\W", ["a", "_", "é", "-", "K", "日"]),
    (r"\s", [" ", "\t", "\n", "\f", "\r", "\v", "\u00a0", "\u2003"]),
    (r"\S", [" ", "\v", "\u00a0", "x"]),
    (r"\w+@\w+", ["a@b", "é@b"]),
    # Escapes.
    (r"\a\f\n\r\t\v", ["\a\f\n\r\t\v"]),
    (r"\x41", ["A"]),
    (r"\xe9", ["é", {"hex": "e9"}]),
    (r"\x{e9}", ["é", {"hex": "e9"}]),
    (r"\xc3\xa9", ["é", {"hex": "e9"}]),
    (r"\x{ff}", [{"hex": "ff"}, "ÿ"]),
    (r"\x{000ff}", [{"hex": "ff"}]),
    (r"\x{100}", [None]),
    (r"\x{d800}", [None]),
    (r"\x{10FFFF}", [None]),
    (r"\x{fffffffff}", [None]),
    (r"[\x{0}-\x{100}]", [None]),
    (r"\x{100", [None]),
    (r"\x{100g}", [None]),
    (r"\x{0000000041}", ["A"]),
    (r"\x{110000}", [None]),
    (r"\x{}", [None]),
    (r"\x{4", [None]),
    (r"\x{4g}", [None]),
    (r"\x4", [None]),
    (r"\x", [None]),
    (r"\x4g", [None]),
    ("\\", [None]),
    ("a\\", [None]),
    (r"\_", ["_"]),
    (r"\.\*\/\-\!\ \"\#\%\&\'\,\:\;\=\@\`\~", [".*/-! \"#%&',:;=@`~"]),
    (r"\é", [None]),
    (r"\y", [None]),
    (r"\Z", [None]),
    (r"\G", [None]),
    (r"\h", [None]),
    (r"\R", [None]),
    (r"\X", [None]),
    (r"\k<a>", [None]),
    (r"\cA", [None]),
    (r"\N", [None]),
    ("\\\n", ["\n"]),
    # Literals.
    ("", ["", "a"]),
    ("abc", ["abc", "abcd", "xabc", "ABC"]),
    ("é", ["é", "e", {"hex": "c3"}, {"hex": "e9"}]),
    ("caf.", ["café", "cafe", {"hex": "636166ff"}, {"hex": "636166c3"}]),
    ("é?", ["é", "", {"hex": "c3"}]),
    ("é*", ["éé", "é", {"hex": "c3a9a9"}]),
    ("(?:é)*", ["éé", "é", {"hex": "c3a9a9"}]),
    ("é{2}", ["éé", {"hex": "c3a9a9"}]),
    ("日本", ["日本", "日"]),
    (" a b ", [" a b ", "ab"]),
    ("a#b", ["a#b"]),
    ("a-b&c~d", ["a-b&c~d"]),
    ("\0", ["\0"]),
    ("]", ["]"]),
    ("a]b", ["a]b"]),
    # Whole values and no less.
    ("a|ab", ["a", "ab", "b", "abb"]),
    ("a|b|", ["a", "", "ab"]),
    ("|a", ["", "a"]),
    ("a||b", ["", "a", "b"]),
    ("^a|b$", ["a", "b", "ab", "ax", "xb"]),
    ("a*?", ["", "aaa"]),
    ("(a|b)*?c", ["ababc", "ab"]),
    ("/api/v[0-9]+/.*", ["/api/v1/", "/api/v12/x/y", "/api/vx/", "x/api/v1/"]),
    ("(?:/[^/?]+)+", ["/a/b", "/a//b", "/a?b"]),
    (".*", ["", "abc", "a\nb", "日本", {"hex": "ff"}, {"hex": "61ff62"}, {"hex": "c3"}]),
    # Bytes, whether UTF-8 or not.
    (".", ["a", "é", "日", "😀", "\n", "\r", "\0", {"hex": "80"}, {"hex": "ff"}, {"hex": "c3"}, {"hex": "c328"}]),
    ("..", [{"hex": "c3a9"}, "éé", {"hex": "e282"}, {"hex": "c080"}, {"hex": "c30a"}]),
    ("...", ["日", {"hex": "e08080"}, {"hex": "eda080"}, "é"]),
    ("....", ["😀", {"hex": "f0808080"}, {"hex": "f4bfbfbf"}, "日"]),
    (".*x", ["éx", {"hex": "ff78"}, "é"]),
    ("[^a]", ["b", "é", "\n", {"hex": "e9"}, {"hex": "e08080"}, {"hex": "ff"}]),
    ("[^a]{2}", ["é", "ab", "bb", {"hex": "ffff"}]),
    (r"\W", ["é", {"hex": "e9"}, {"hex": "ff"}, {"hex": "aa"}, {"hex": "b5"}]),
    (r"\w", [{"hex": "e9"}, {"hex": "aa"}, {"hex": "b5"}]),
    (r"\s", [{"hex": "85"}, {"hex": "a0"}]),
    (r"\D\S\W", ["日"]),
    ("[^é]", ["e", "é", {"hex": "c3"}, {"hex": "a9"}, {"hex": "e9"}, {"hex": "aa"}]),
    ("[é]", ["é", {"hex": "c3"}, {"hex": "a9"}, {"hex": "e9"}]),
    ("[é]{2}", ["é", {"hex": "a9c3"}]),
    (r"[é-\xff]", ["é", {"hex": "c3"}, {"hex": "a9"}, {"hex": "aa"}, {"hex": "a8"}]),
    (r"[\x80-\xff]", ["é", "a", {"hex": "80"}, {"hex": "ff"}, {"hex": "7f"}]),
    (r"[\x80-\xff]+", ["é日😀", "éa"]),
    (r"[\x81-\xff]", [{"hex": "80"}, {"hex": "81"}]),
    (r"[\x{7f}-\x{80}]", [{"hex": "7e"}, {"hex": "7f"}, {"hex": "80"}, {"hex": "81"}]),
    (r"[\xfe\xff]", [{"hex": "fd"}, {"hex": "fe"}, {"hex": "ff"}]),
    (r"[^\xff]", [{"hex": "fe"}, {"hex": "ff"}]),
    (r"[^\xc3]", [{"hex": "c2"}, {"hex": "c3"}, {"hex": "c4"}]),
    (r"[\x00-\xff]+", ["aé\n", {"hex": "ff"}, {"hex": "f4bfbfbf"}]),
    (r"[^\x00-\xff]", ["", "a", {"hex": "ff"}]),
    (r"a[^\x00-\xff]*b", ["ab", "acb"]),
    ("(?i)é", ["é", "É", {"hex": "c3"}, {"hex": "c9"}]),
    (r"(?i)\xe9", [{"hex": "e9"}, {"hex": "c9"}]),
    (r"(?i)\xc9", [{"hex": "e9"}, {"hex": "c9"}]),
    (r"(?i)[\xe0-\xfe]", [{"hex": "e9"}, {"hex": "c9"}]),
    (r"(?i)[^\xe0-\xfe]", [{"hex": "e9"}, {"hex": "c9"}]),
    (r"(?i)[a-\xe9]", ["A", "z", "_", {"hex": "80"}, {"hex": "e9"}, {"hex": "ea"}]),
    (r"(?i)\xb5", [{"hex": "b5"}, "μ"]),
    (r"(?i)\xff", [{"hex": "ff"}, "Ÿ"]),
    (r"(?i)\xdf", [{"hex": "df"}, "ẞ"]),
    (r"(?i)\xe5", [{"hex": "e5"}, {"hex": "c5"}, "\u212b"]),
    # Of Unicode's classes what is in Latin-1, a byte each.
    (r"\pL", ["a", "Z", "0", "é", {"hex": "e9"}, {"hex": "d7"}, {"hex": "aa"}]),
    (r"\p{Lu}+", ["AZ", "a", {"hex": "c9"}, {"hex": "e9"}]),
    (r"\PL", ["a", "0", "\n", {"hex": "d7"}]),
    (r"\p{^Lu}", ["a", "A", {"hex": "c9"}]),
    (r"\P{^Lu}", ["a", "A", {"hex": "c9"}]),
    (r"(?i)\p{Lu}", ["a", "A", {"hex": "c9"}, {"hex": "e9"}]),
    (r"(?i)\P{Lu}", ["a", "A", {"hex": "c9"}, {"hex": "e9"}]),
    (r"\pN\p{Nd}", ["12", {"hex": "b231"}, {"hex": "31b2"}]),
    (r"\p{Greek}", ["α", "a", {"hex": "b5"}, ""]),
    (r"\P{Greek}", ["a", {"hex": "ff"}]),
    (r"a\p{Greek}*", ["a", "aα"]),
    (r"\p{Latin}\p{Common}", ["a1", {"hex": "e9d7"}, "11"]),
    (r"\p{Any}", ["a", "\n", {"hex": "ff"}]),
    (r"[\pL_]+", ["a_", "a1"]),
    (r"[^a\p{Nd}]", ["a", "1", "b"]),
    (r"[^\PL]", ["a", "1"]),
    (r"[\p{Greek}x]", ["x", "α"]),
    (r"\p{Zs}\pZ\pS\p{Sc}\pP\pC", [{"hex": "20a02b24210a"}, "      "]),
    (r"\pLu", ["au", "a", "u"]),
    (r"\p{Foo}", [None]),
    (r"\p{}", [None]),
    (r"\p{Greek", [None]),
    (r"\p", [None]),
    (r"\p{l}", [None]),
    (r"[a-\pL]", [None]),
    # Classes.
    ("[]a]", ["]", "a", "b"]),
    ("[^]a]", ["]", "a", "b"]),
    ("[]-a]", ["]", "^", "_", "a", "b", "-"]),
    ("[]", [None]),
    ("[^]", [None]),
    ("[", [None]),
    ("[a", [None]),
    ("[a-", [None]),
    ("[z-a]", [None]),
    ("[a-]", ["a", "-", "b"]),
    ("[-a]", ["a", "-", "b"]),
    ("[a-c-e]", ["b", "-", "e", "d"]),
    ("[a-c-]", ["-", "c", "d"]),
    ("[^-]", ["-", "a"]),
    ("[a^]", ["a", "^"]),
    ("[^^]", ["^", "a"]),
    (r"[\]]", ["]"]),
    (r"[\\]", ["\\"]),
    (r"[\-]", ["-"]),
    (r"[a\-z]", ["a", "-", "z", "b"]),
    (r"[\d-z]", ["1", "-", "z", "a"]),
    (r"[a-\d]", [None]),
    (r"[\d\s]", ["1", " ", "a"]),
    (r"[^\d]", ["1", "a", "é", "\n"]),
    (r"[^\D]", ["1", "a"]),
    (r"[\D\d]", ["1", "a", "é"]),
    (r"[^\D\d]", ["1", "a"]),
    (r"[\W_]", ["_", "a", "-"]),
    (r"[\b]", [None]),
    (r"[\A]", [None]),
    (r"[\Z]", [None]),
    (r"[\C]", [None]),
    (r"[\x41-\x43]", ["A", "C", "D"]),
    (r"[\n]", ["\n", "n"]),
    ("[.]", [".", "a"]),
    ("[$]", ["$", "a"]),
    ("[(]", ["("]),
    ("[|]", ["|"]),
    ("[*+?{}]", ["*", "+", "?", "{", "}"]),
    ("[ #]", [" ", "#"]),
    ("[é-ü]", ["é", "ö", "e", {"hex": "c3"}, {"hex": "a9"}, {"hex": "b0"}, {"hex": "bd"}]),
    ("[日-本]{3}", ["日", "本", "月", "a"]),
    ("[é-z]", [None]),
    ("[a[b]", ["a", "[", "b"]),
    ("[a[:b]", ["a", "[", ":", "b"]),
    ("[[:alpha:]]", ["a", "Z", "1", "é"]),
    ("[[:^alpha:]]", ["a", "1", "é", "\n"]),
    ("[^[:alpha:]]", ["a", "1"]),
    ("[[:alpha:][:digit:]_]", ["a", "1", "_", "-"]),
    ("[[:alnum:]]", ["a", "1", "_"]),
    ("[[:ascii:]]", ["\x7f", "\x80", "\0"]),
    ("[[:^ascii:]]", ["\x7f", "é", {"hex": "80"}, {"hex": "ff"}]),
    ("[[:é:]]", [None]),
    ("[[:blank:]]", [" ", "\t", "\n"]),
    ("[[:cntrl:]]", ["\x1f", "\x7f", " "]),
    ("[[:digit:]]", ["0", "a"]),
    ("[[:graph:]]", ["!", "~", " "]),
    ("[[:lower:]]", ["a", "A"]),
    ("[[:print:]]", [" ", "~", "\x7f"]),
    ("[[:punct:]]", ["!", "@", "`", "~", "a"]),
    ("[[:space:]]", [" ", "\v", "\f", "a"]),
    ("[[:upper:]]", ["A", "a"]),
    ("[[:word:]]", ["a", "_", "9", "-"]),
    ("[[:xdigit:]]", ["f", "F", "9", "g"]),
    ("[[:foo:]]", [None]),
    ("[[:ALPHA:]]", [None]),
    ("[[:alpha]", ["[", "a", ":", "z"]),
    ("[[:alpha]]:]", [None]),
    ("[:alpha:]", ["a", ":", "z"]),
    ("[[=a=]]", ["a]", "=]", "[]"]),
    ("[[.a.]]", ["a]", ".]"]),
    ("[[:a]b[:digit:]]", [None]),
    # Case.
    ("(?i)abc", ["abc", "ABC", "aBc", "abd"]),
    ("(?i)k", ["k", "K", "\u212a", "x"]),
    ("(?i)\u212a", ["k", "K", "\u212a"]),
    ("(?i)s", ["s", "S", "ſ", "ß"]),
    ("(?i)ß", ["ß", "ẞ", "ss", "SS"]),
    ("(?i)σ", ["σ", "ς", "Σ", "s"]),
    ("(?i)ǆ", ["ǆ", "ǅ", "Ǆ"]),
    ("(?i)İ", ["İ", "i", "I", "ı"]),
    ("(?i)i", ["i", "I", "İ", "ı"]),
    ("(?i)ı", ["ı", "I", "i"]),
    ("(?i)å", ["å", "Å", "\u212b"]),
    ("(?i)μ", ["μ", "µ", "Μ"]),
    ("(?i)θ", ["θ", "ϑ", "ϴ", "Θ"]),
    ("(?i)é", ["é", "É", "e"]),
    ("(?i)ж", ["ж", "Ж"]),
    ("(?i)𐐀", ["𐐀", "𐐨"]),
    ("(?i)[a-c]", ["a", "B", "d"]),
    ("(?i)[^a-c]", ["a", "B", "d", "é"]),
    ("(?i)[k-s]", ["K", "\u212a", "ſ", "t"]),
    ("(?i)[^k]", ["k", "K", "\u212a", "x"]),
    ("(?i)[à-ý]", ["À", "à", "÷", "×"]),
    ("(?i)[Ā-ċ]{2}", ["ā", "Ċ", "č"]),
    (r"(?i)\w", ["ſ", "\u212a", "é", "k"]),
    (r"(?i)\W", ["ſ", "\u212a", "é", "k"]),
    (r"(?i)[\W]", ["ſ", "é"]),
    (r"(?i)[^\w]", ["ſ", "é"]),
    (r"(?i)[[:upper:]]", ["a", "ſ", "1"]),
    (r"(?i)[[:^upper:]]", ["a", "ſ", "1"]),
    (r"(?i)\x41", ["a"]),
    (r"(?i)\QaB\E", ["Ab", "aB"]),
    (r"(?i)[\x{0}-\x{ff}]", ["a", {"hex": "e0"}]),
    # Flags and groups.
    ("(?i:a)b", ["Ab", "AB", "ab"]),
    ("a(?i)b", ["aB", "AB"]),
    ("a(?i)b|c", ["aB", "C", "c", "A"]),
    ("(a(?i)b)c", ["aBc", "aBC"]),
    ("(?i)a(?-i)b", ["Ab", "AB"]),
    ("(?i:a(?-i:b)c)", ["AbC", "ABC"]),
    ("(?s).", ["\n", "a"]),
    ("(?s:.).", ["\na", "\n\n"]),
    ("(?i-s).", ["\n", "a"]),
    ("(?s)(?-s).", ["\n"]),
    ("(?is-m:A.)", ["a\n"]),
    ("(?U)a+", ["aaa"]),
    ("(?U)a+?", ["aaa"]),
    ("(?m)^a$", ["a", "a\n", "\na"]),
    ("(?m)a$\n^b", ["a\nb", "ab"]),
    ("(?m)^a$\n^$", ["a\n", "a"]),
    ("(?m)a\n^", ["a\n"]),
    ("a$\nb", ["a\nb"]),
    ("a\n^b", ["a\nb"]),
    ("(?m-m)a$\nb", ["a\nb"]),
    ("a$", ["a", "a\n"]),
    ("^a", ["a", "\na"]),
    ("^^a$$", ["a"]),
    ("^*a$*", ["a", "^a"]),
    ("(^a)+", ["a", "aa"]),
    ("$^", ["", "a"]),
    ("a^b", ["ab", "a^b"]),
    ("a$b", ["ab", "a$b"]),
    (r"\Aa\z", ["a", "a\n"]),
    (r"(?m)\Aa\z\n", ["a\n"]),
    (r"\z\A", [""]),
    (r"a\b", ["a"]),
    (r"a\b b", ["a b"]),
    (r"a\bb", ["ab"]),
    (r"a\Bb", ["ab"]),
    (r"\Ba", ["a"]),
    (r"a\bé", ["aé"]),
    (r"é\bé", ["éé"]),
    (r"é\Bé", ["éé"]),
    (r"\B", ["", "a"]),
    (r"\b", ["", "a"]),
    (r"\b*a\b+", ["a"]),
    (r"(?i)\bk\b", ["k", "\u212a", "K"]),
    ("()", ["", "a"]),
    ("(?:)", [""]),
    ("()*", [""]),
    ("(?:)*a", ["a"]),
    ("(|a)*", ["", "aaa"]),
    ("(|a)+", ["", "aaa"]),
    ("(a*)+", ["", "aaa"]),
    ("(a*)*b", ["aab"]),
    ("(?)a", ["a"]),
    ("(?i)", ["", "a"]),
    ("(?i)*", [None]),
    ("a|(?i)*", [None]),
    ("(?ii)a", ["A"]),
    ("(?-)a", [None]),
    ("(?i-)a", [None]),
    ("(?-i-s)a", [None]),
    ("(?-:a)", [None]),
    ("(?-i:a)", ["a", "A"]),
    ("(?i", [None]),
    ("(?", [None]),
    ("(?:", [None]),
    ("(?i:a", [None]),
    ("(?#comment)a", [None]),
    ("(?=a)", [None]),
    ("(?!a)", [None]),
    ("(?<=a)b", [None]),
    ("(?<!a)b", [None]),
    ("(?>a)", [None]),
    ("(?|a)", [None]),
    ("(?P=n)", [None]),
    ("(?P>n)", [None]),
    ("(?'n'a)", [None]),
    ("(?P<n>a)", ["a"]),
    ("(?<n>a)", ["a"]),
    ("(?P<1>a)", ["a"]),
    ("(?P<n_1>a)(?P<n_2>b)", ["ab"]),
    ("(?P<n>a)(?P<n>b)", ["ab"]),
    ("(?P<n>a)(?<n>b)", ["ab"]),
    ("(?P<>a)", [None]),
    ("(?P<n-1>a)", [None]),
    ("(?P<n.a>a)", [None]),
    ("(?P<n[0]>a)", [None]),
    ("(?P<n", [None]),
    ("(?Pn>a)", [None]),
    ("(", [None]),
    (")", [None]),
    ("a)", [None]),
    ("(a", [None]),
    ("(a))", [None]),
    ("((a)", [None]),
    ("(a|", [None]),
    ("*", [None]),
    ("+", [None]),
    ("?", [None]),
    ("*a", [None]),
    ("a|*", [None]),
    ("(*)", [None]),
    ("(?:*)", [None]),
    ("(|*)", [None]),
    ("(a)*", ["aaa", "b"]),
    ("(?:ab)+c?", ["ababc", "abac"]),
    ("a{2}", ["aa", "a", "aaa"]),
    ("a{2,}", ["aaaa", "a"]),
    ("a{2,3}", ["aaa", "aaaa"]),
    ("[ab]{2}", ["ab", "a"]),
    (r"\d{2}", ["12", "1"]),
    (r".{2}", ["éé", "é"]),
    (r"(?P<é>a)", [None]),
    (r"(?é)a", [None]),
    ("(" * 200 + "a" + ")" * 200, ["a"]),
    # Out of Istio's and Envoy's docs.
    ("^(.*?;)?(user=jason)(;.*)?$", ["user=jason", "a=b;user=jason;c=d", "user=jasons"]),
    (r"/(?P<version>v[12])(/.*)?", ["/v1", "/v2/x", "/v3"]),
    (r"https://.*\.example\.com(:\d+)?", ["https://a.example.com:8443", "https://example.com"]),
    (r"\d{1,3}(\.\d{1,3}){3}", ["10.0.0.1", "10.0.0"]),
    (r"(?i)mozilla/.*", ["Mozilla/5.0", "mozilla/4"]),
    (r".*\b(iPhone|Android)\b.*", ["Mozilla (iPhone; x)", "iPhones"]),
]

SUBSTITUTIONS = [
    ("^/service/([^/]+)(/.*)$", r"\2/instance/\1", ["/service/foo/v1/api", "/other", "/service/foo"]),
    ("one", "two", ["/xxx/one/yyy/one/zzz", "one", "ONE", ""]),
    ("^(.*?)one(.*)$", r"\1two\2", ["/xxx/one/yyy/one/zzz"]),
    ("(?i)/xxx/", "/yyy/", ["/aaa/XxX/bbb", "/XXX/xxx/"]),
    ("a*", "x", ["", "b", "aaa", "baac", "éa", "ééa", "abab", {"hex": "ff61ff"}, {"hex": "c3"}, {"hex": "e282"}, "日本"]),
    ("a*?", "x", ["aaa", "b"]),
    ("", "-", ["", "ab", "éß", {"hex": "c3a9ff"}]),
    ("b*", "<\\0>", ["abbc", "bbb", "abab"]),
    ("a|", "x", ["banana"]),
    ("|a", "x", ["banana", "a"]),
    ("^", "x", ["", "ab", "a\nb"]),
    ("$", "x", ["", "ab", "a\n"]),
    ("(?m)^", "x", ["", "ab", "a\nb", "a\n"]),
    ("(?m)$", "x", ["", "ab", "a\nb", "a\n"]),
    ("^a", "x", ["aaa"]),
    (r"\b", "|", ["foo bar", "é", "aéb"]),
    (r"\B", "|", ["foo", "é", "aéb", ""]),
    (r"\bfoo", "x", ["foofoo foo"]),
    ("(a)|(b)", r"[\1\2]", ["abc"]),
    ("(a)(b)?", r"<\2\1>", ["aab"]),
    ("(a)(b)(c)(d)(e)(f)(g)(h)(i)(j)", r"\9\8\7\6\5\4\3\2\1\0", ["abcdefghij"]),
    ("a", r"\\", ["bab"]),
    ("a", r"\\1", ["bab"]),
    ("a", r"\0\0", ["bab"]),
    ("(a)", r"\10", ["bab"]),
    ("a", "$1 & {é}", ["bab"]),
    ("a", "", ["banana"]),
    ("(?:x)(a)", r"\1", ["xa"]),
    ("(?P<n>x)(a)", r"\2\1", ["xa"]),
    ("(?U)a+", "x", ["aaa"]),
    ("(?U)a+?", "x", ["aaa"]),
    ("a|ab", "x", ["abab"]),
    ("ab|a", "x", ["abab"]),
    ("a+?b??", "x", ["aab"]),
    ("(a+)(b+)", r"\2\1", ["aabb-ab"]),
    ("(|a)*", "x", ["aa", "baa"]),
    ("(|a)+", "x", ["aa", "baa"]),
    ("(a|b)*", r"<\1>", ["abab", "c"]),
    ("(a{2}|b){2}", r"<\1>", ["aab", "bbaaaa"]),
    ("(a*)*", r"<\1>", ["aab", "b"]),
    ("(a*)+", r"<\1>", ["aab", "b"]),
    ("((?:a+?)??)*b", r"<\1>", ["aab", "b"]),
    ("((?:a??)*?)+b", r"<\1>", ["aab", "b"]),
    ("((?:a{1,}?)??)*b", r"<\1>", ["aab", "b"]),
    ("((?:a+)?)*b", r"<\1>", ["aab", "b"]),
    (".", "x", ["é\n日", {"hex": "ff61"}, {"hex": "e0808061"}]),
    ("[^/]+", "x", ["/a/é/", {"hex": "2fff2f61"}]),
    ("é", "e", ["été", {"hex": "c3c3a9"}]),
    ("[é]", "e", ["été", {"hex": "c3c3a9"}]),
    ("(é)|.", r"<\1>", ["éa", "è"]),
    (r"(?s:.)", r"[\0]", ["aé"]),
    ("(?i)é", "e", ["Éé"]),
    (r"\.html$", "", ["/a.html", "/a.html?"]),
    ("//+", "/", ["//a///b/"]),
    ("a", "\\", [None]),
    ("a", "b\\", [None]),
    ("a", r"\1", [None]),
    ("(a)", r"\2", [None]),
    ("(?:a)", r"\1", [None]),
    ("a", r"\x", [None]),
    ("a", r"\é", [None]),
    ("a", r"\ ", [None]),
    ("(", "x", [None]),
]

UNSUPPORTED = [
    ("(" * 300 + "a" + ")" * 300, "nested more than 250 deep"),
    ("a" * 20000 + "|" + "b" * 50000, "longer than 64 KiB"),
    ("(?:" + "a*" * 500 + "b){1000}", "more places than are run"),
]

# What RE2 takes and Istio does not: its webhook, which reads patterns as Go does, or its proxies, by a program's size.
NOT_ISTIO = [
    (r"\C", "any byte"),
    (r"a\C*b", "any byte"),
    ("[é-à]", "range of characters that ends before it begins"),
    ("[本-日]{3}", "range of characters that ends before it begins"),
    (r"[é-à\d]", "range of characters that ends before it begins"),
    (r"a{9999999999}", "repetition by more than can be counted"),
    (r"a{1,9999999999}", "repetition by more than can be counted"),
    ("(?P<ê>a)", "group name beyond ASCII"),
    (r"\p{Old_Italic}", "class that Go does not have"),
    ("[a-z]{1000}" * 33, "program of more than 32768 instructions"),
    (r"(?:(?:a|)(?:b|)){500}" * 80, "program of more than 32768 instructions"),
]


def raw(value):
    return bytes.fromhex(value["hex"]) if isinstance(value, dict) else value.encode()


def shown(value):
    try:
        return value.decode()
    except UnicodeDecodeError:
        return {"hex": value.hex()}


def table():
    matches, substitutions, unsupported, not_istio = [], [], [], []
    for pattern, values in MATCHES:
        regexp = compiled(pattern)
        if regexp is None:
            matches.append([pattern, None, "refused"])
            continue
        assert values != [None], f"RE2 takes {pattern!r}"
        matches += [[pattern, value, full_match(regexp, raw(value))] for value in values]
    for pattern, rewrite, values in SUBSTITUTIONS:
        regexp = compiled(pattern)
        if regexp is None or not check_rewrite(regexp, rewrite.encode()):
            substitutions.append([pattern, rewrite, None, "refused"])
            continue
        assert values != [None], f"RE2 takes {rewrite!r} for {pattern!r}"
        for value in values:
            result = global_replace(regexp, rewrite.encode(), raw(value))
            substitutions.append([pattern, rewrite, value, shown(result)])
    for pattern, why in UNSUPPORTED:
        assert compiled(pattern), f"RE2 refuses {pattern[:80]!r} too"
        unsupported.append([pattern, why])
    for pattern, why in NOT_ISTIO:
        assert compiled(pattern), f"RE2 refuses {pattern[:80]!r} too"
        not_istio.append([pattern, why])
    return {
        "matches": matches,
        "substitutions": substitutions,
        "unsupported": unsupported,
        "not_istio": not_istio,
    }


# What random patterns are made of, and what stands around them, to count their instructions.
PARTS = [
    *["a", "b", "c", "A", "ab", "abc", "abd", "/", ".", "[ab]", "[a]", "[aA]", "[Aa]", "[^a/]", "[0-9]", "(?s:.)", "é", "5"],
    *["(?i:aB)", r"\x00", r"\xff", "", "^", "$", r"\b", r"\B", "(?m:^)", "(?m:$)", "abba", ".*", ".+", "[a-c]", "aa"],
    *[r"\w", r"\d", r"\s", r"\W", r"\n", "[[:alpha:]]", "(?i:c)", "ca", "bc", "(?i)", "(?-i)", "(?s)", "(?U)", r"\A"],
    *[r"\z", "[A-Z]", "[@-Za-z]", "(?i:[a-c])", r"[\x00-\xff]", r"[^\x00-\xff]", "()", "(?:)", "a*", "a+", "a?", "b*"],
    *["a{2}", "[ab]*", "[ab]{3}", "(?:ab)*", r"\Qa.b\E", "(?i:5a)", r"\pL", r"\p{Greek}", r"\P{Lu}"],
]
GROUPS = ["(?:", "(?:", "(", "(?i:", "(?U:", "(?P<n>"]
REPETITIONS = [
    *["*", "+", "?", "{2}", "{1,3}", "{2,}", "{0}", "{1}", "{0,1}", "{1,}", "{0,}", "*?", "+?", "??", "{0,2}?"],
    *["{20}", "{0,30}", "{3,9}"],
]


def random_pattern(random, depth):
    draw = random.random()
    if depth == 0 or draw < 0.3:
        return random.choice(PARTS)
    if draw < 0.55:
        return "".join(random_pattern(random, depth - 1) for _ in range(random.randint(1, 4)))
    if draw < 0.75:
        branches = [random_pattern(random, depth - 1) for _ in range(random.choice([2, 2, 3, 4, 6]))]
        return random.choice(GROUPS) + "|".join(branches) + ")"
    if draw < 0.8:
        return "(" + random_pattern(random, depth - 1) + ")"
    return "(?:" + random_pattern(random, depth - 1) + ")" + random.choice(REPETITIONS)


# The largest of each that Istio's proxies take, and the next.
GROWING = [
    lambda n: "[a-z]{1000}" * (n // 1000) + "[a-z]{%d}" % (n % 1000),
    lambda n: r"\W{1000}" * (n // 5000) + r"\W{%d}" % (n // 5 % 1000),
    lambda n: "(?:ab|cd){1000}" * (n // 5000) + "(?:ab|cd){%d}" % (n // 5 % 1000),
    lambda n: "(?:a?b){1000}" * (n // 3000) + "(?:a?b){%d}" % (n // 3 % 1000),
    lambda n: "(a){1000}" * (n // 3000) + "(a){%d}" % (n // 3 % 1000),
    lambda n: "(?:(?:a|bc|d*)[x-z]{0,9}){100}" * (n // 2500) + "x{%d}" % (n % 1000),
]


def sizes():
    """[pattern, instructions of its program]"""
    patterns = [pattern for pattern, _ in MATCHES if compiled(pattern)]
    patterns += [pattern for pattern, *_ in SUBSTITUTIONS if compiled(pattern)]
    draw = random.Random(2026)
    while len(patterns) < 2000:
        pattern = random_pattern(draw, draw.randint(1, 4))
        pattern = draw.choice(["", "", "", "^"]) + pattern + draw.choice(["", "", "", "$", "|" + random_pattern(draw, 2)])
        if len(pattern) <= 1024 and compiled(pattern):
            patterns.append(pattern)
    for grown in GROWING:
        low, high = 0, 40_000
        while high - low > 1:
            middle = (low + high) // 2
            low, high = (middle, high) if compiled(grown(middle)).ProgramSize() <= 32_768 else (low, middle)
        patterns += [grown(low), grown(high)]
    return [[pattern, compiled(pattern).ProgramSize()] for pattern in dict.fromkeys(patterns)]


def main():
    lists = table()
    written = ",\n".join(
        f'"{name}":[\n' + ",\n".join(json.dumps(row, ensure_ascii=False, separators=(",", ":")) for row in rows) + "\n]"
        for name, rows in lists.items()
    )
    pathlib.Path(__file__).with_name("re2.json").write_text("{" + written + "}\n")
    rows = ",\n".join(json.dumps(row, ensure_ascii=False, separators=(",", ":")) for row in sizes())
    pathlib.Path(__file__).with_name("re2_sizes.json").write_text(f"[\n{rows}\n]\n")
    print({name: len(rows) for name, rows in lists.items()})


if __name__ == "__main__":
    main()
