//! Text of JSON strings.

/// Appends the text of a JSON string, given without its quotes. `None` if it has an escape that is no character; what
/// was appended until then is of no use.
pub(super) fn unescape(written: &str, out: &mut String) -> Option<()> {
    let mut rest = written;
    while let Some(at) = rest.find('\\') {
        let (plain, escape) = rest.split_at_checked(at)?;
        out.push_str(plain);
        let mut characters = escape.chars();
        characters.next();
        match characters.next()? {
            'n' => out.push('\n'),
            'r' => out.push('\r'),
            't' => out.push('\t'),
            'b' => out.push('\u{8}'),
            'f' => out.push('\u{c}'),
            'u' => {
                let first = unit(&mut characters)?;
                let character = match char::from_u32(first) {
                    Some(character) => character,
                    None => low_surrogate(first, &mut characters)?,
                };
                out.push(character);
            }
            other @ ('"' | '\\' | '/') => out.push(other),
            _ => return None,
        }
        rest = characters.as_str();
    }
    out.push_str(rest);
    Some(())
}

/// The character of a high surrogate and the low one that must follow (RFC 8259, 7).
fn low_surrogate(high: u32, characters: &mut std::str::Chars<'_>) -> Option<char> {
    if !(0xD800..0xDC00).contains(&high) || (characters.next()?, characters.next()?) != ('\\', 'u')
    {
        return None;
    }
    let low = unit(characters)?;
    if !(0xDC00..0xE000).contains(&low) {
        return None;
    }
    char::from_u32(0x1_0000 + ((high - 0xD800) << 10) + (low - 0xDC00))
}

fn unit(characters: &mut std::str::Chars<'_>) -> Option<u32> {
    let mut unit = 0;
    for _ in 0..4 {
        unit = unit << 4 | characters.next()?.to_digit(16)?;
    }
    Some(unit)
}

/// Whether text needs no escape between the quotes of a JSON string.
pub(super) fn needs_no_escape(text: &str) -> bool {
    text.bytes()
        .all(|byte| byte >= 0x20 && byte != b'"' && byte != b'\\')
}

/// The white space of JSON taken off both ends.
pub(super) fn trimmed(text: &str) -> &str {
    text.trim_matches([' ', '\t', '\r', '\n'])
}

#[cfg(test)]
mod tests {
    use super::unescape;
    use proptest::prelude::*;

    fn unescaped(written: &str) -> Option<String> {
        let mut out = String::new();
        unescape(written, &mut out).map(|()| out)
    }

    #[test]
    fn escapes_are_resolved_and_halves_of_characters_refused() {
        for (written, text) in [
            (r#"plain"#, Some("plain")),
            (r#"\"\\\/\b\f\n\r\t"#, Some("\"\\/\u{8}\u{c}\n\r\t")),
            (r"\uc8fc\ubb38", Some("주문")),
            (r"\ud83c\udf57!", Some("🍗!")),
            (r"\ud83c", None),
            (r"\udf57\ud83c", None),
            (r"\ud83cxudf57", None),
            (r"\u12", None),
            (r"\x", None),
            ("\\", None),
        ] {
            assert_eq!(unescaped(written).as_deref(), text, "{written}");
        }
    }

    proptest! {
        #[test]
        fn the_text_is_that_of_a_general_parser(text in "\\PC*") {
            let quoted = serde_json::to_string(&text).unwrap();
            let written = quoted.strip_prefix('"').and_then(|rest| rest.strip_suffix('"'));
            prop_assert_eq!(unescaped(written.unwrap()), Some(text));
        }

        #[test]
        fn what_a_general_parser_refuses_is_refused(written in r#"([a-z가]|\\[a-z0-9"/\\]|\\u[0-9a-fA-FdD]{3,4}){0,8}"#) {
            let quoted = format!("\"{written}\"");
            prop_assert_eq!(unescaped(&written), serde_json::from_str::<String>(&quoted).ok());
        }
    }
}
