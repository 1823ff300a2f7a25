//! Order numbers in paths: percent-encoded UTF-8 (RFC 3986, section 2.1).

/// The text of a part of a path; none if it is no percent-encoded UTF-8.
///
/// ```
/// use jumun::query::{decode_order_no, encode_order_no};
///
/// assert_eq!(encode_order_no("주문/1"), "%EC%A3%BC%EB%AC%B8%2F1");
/// assert_eq!(decode_order_no("%EC%A3%BC%EB%AC%B8%2f1").as_deref(), Some("주문/1"));
/// assert_eq!(decode_order_no("B1%2"), None);
/// ```
#[must_use]
pub fn decode(path: &str) -> Option<String> {
    let mut decoded = Vec::with_capacity(path.len());
    let mut bytes = path.bytes();
    while let Some(byte) = bytes.next() {
        decoded.push(match byte {
            b'%' => {
                let (high, low) = (hex(bytes.next()?)?, hex(bytes.next()?)?);
                high << 4 | low
            }
            byte => byte,
        });
    }
    String::from_utf8(decoded).ok()
}

/// The text as a part of a path: everything but unreserved characters is encoded.
#[must_use]
pub fn encode(text: &str) -> String {
    let mut encoded = String::with_capacity(text.len());
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_' | b'~') {
            encoded.push(char::from(byte));
        } else {
            encoded += &format!("%{byte:02X}");
        }
    }
    encoded
}

fn hex(digit: u8) -> Option<u8> {
    let digit = char::from(digit).to_digit(16)?;
    u8::try_from(digit).ok()
}

#[cfg(test)]
mod tests {
    use super::{decode, encode};
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn whatever_is_encoded_comes_back_and_is_plain(text in any::<String>()) {
            let encoded = encode(&text);
            prop_assert!(encoded.bytes().all(|byte| byte.is_ascii_graphic() && byte != b'/' && byte != b'?'));
            prop_assert_eq!(decode(&encoded), Some(text));
        }
    }

    #[test]
    fn what_is_not_percent_encoded_utf_8_is_refused() {
        for wrong in ["%", "%4", "%zz", "%+1", "%ff", "B1%C3"] {
            assert_eq!(decode(wrong), None, "{wrong}");
        }
    }
}
