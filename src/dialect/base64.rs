//! Base64 with padding (RFC 4648, 4): what a CloudEvent's `data_base64` is written in.

/// Appends the bytes that are encoded. `None` if the text is not base64.
pub(super) fn decode(text: &str, out: &mut Vec<u8>) -> Option<()> {
    let (groups, rest) = text.as_bytes().as_chunks::<4>();
    if !rest.is_empty() {
        return None;
    }
    for (place, group) in groups.iter().enumerate() {
        let padding = group.iter().rev().take_while(|byte| **byte == b'=').count();
        if padding > 2 || (padding > 0 && place + 1 < groups.len()) {
            return None;
        }
        let mut bits = 0u32;
        for byte in group.iter().take(4 - padding) {
            bits = bits << 6 | u32::from(digit(*byte)?);
        }
        bits <<= 6 * padding;
        let [_, bytes @ ..] = bits.to_be_bytes();
        out.extend(bytes.iter().take(3 - padding));
    }
    Some(())
}

fn digit(byte: u8) -> Option<u8> {
    match byte {
        b'A'..=b'Z' => Some(byte - b'A'),
        b'a'..=b'z' => Some(byte - b'a' + 26),
        b'0'..=b'9' => Some(byte - b'0' + 52),
        b'+' => Some(62),
        b'/' => Some(63),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    #[test]
    fn the_vectors_of_the_rfc_are_decoded_and_all_else_refused() {
        let check = |text: &str, expected: Option<&str>| {
            let mut out = Vec::new();
            let bytes = super::decode(text, &mut out).map(|()| out);
            assert_eq!(bytes.as_deref(), expected.map(str::as_bytes), "{text}");
        };
        check("", Some(""));
        check("Zg==", Some("f"));
        check("Zm8=", Some("fo"));
        check("Zm9v", Some("foo"));
        check("Zm9vYmFy", Some("foobar"));
        for broken in [
            "Z", "Zg=", "Zg==Zg==", "Z===", "====", "Zg=v", "Zm9*", "Zm 9",
        ] {
            check(broken, None);
        }
    }
}
