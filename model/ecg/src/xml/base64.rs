//! Base64 after RFC 4648, section 4.

/// The bytes of a text; blanks and line ends in it do not count, and the padding may be missing. The error is what is wrong.
pub(crate) fn base64(text: &str) -> Result<Vec<u8>, String> {
    let mut bytes = Vec::with_capacity(text.len() / 4 * 3);
    let (mut bits, mut held, mut padding) = (0_u32, 0, 0);
    for (at, c) in text.bytes().enumerate().filter(|(_, c)| !c.is_ascii_whitespace()) {
        let value = match c {
            b'A'..=b'Z' => c - b'A',
            b'a'..=b'z' => c - b'a' + 26,
            b'0'..=b'9' => c - b'0' + 52,
            b'+' => 62,
            b'/' => 63,
            b'=' => {
                padding += 1;
                continue;
            }
            _ => return Err(format!("the byte {c:#04x} at {at}")),
        };
        if padding > 0 {
            return Err(format!("characters after the padding at {at}"));
        }
        bits = bits << 6 | u32::from(value);
        held += 6;
        if held >= 8 {
            held -= 8;
            bytes.push((bits >> held) as u8);
            bits &= (1 << held) - 1;
        }
    }
    // Six bits alone make no byte.
    if held == 6 || padding > 2 {
        return Err("an incomplete group of four characters".into());
    }
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn vectors_of_the_standard() {
        for (text, want) in [
            ("", ""),
            ("Zg==", "f"),
            ("Zm8=", "fo"),
            ("Zm9v", "foo"),
            ("Zm9vYg==", "foob"),
            ("Zm9v\r\n YmE", "fooba"),
            ("Zm9vYmFy", "foobar"),
        ] {
            assert_eq!(base64(text).as_deref(), Ok(want.as_bytes()), "{text:?}");
        }
        let all: Vec<u8> = (0..=255).collect();
        let text = concat!(
            "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8gISIjJCUmJygpKissLS4vMDEyMzQ1Njc4OTo7PD0+P0BBQkNERUZHSElKS0xN",
            "Tk9QUVJTVFVWV1hZWltcXV5fYGFiY2RlZmdoaWprbG1ub3BxcnN0dXZ3eHl6e3x9fn+AgYKDhIWGh4iJiouMjY6PkJGSk5SVlpeYmZqb",
            "nJ2en6ChoqOkpaanqKmqq6ytrq+wsbKztLW2t7i5uru8vb6/wMHCw8TFxsfIycrLzM3Oz9DR0tPU1dbX2Nna29zd3t/g4eLj5OXm5+jp",
            "6uvs7e7v8PHy8/T19vf4+fr7/P3+/w=="
        );
        assert_eq!(base64(text), Ok(all));
    }

    #[test]
    fn what_is_no_base64() {
        for text in ["Z", "Zg==Zg==", "Zm9v!", "Zm9v====", "Zm-_", "Zm9vY"] {
            assert!(base64(text).is_err(), "{text:?}");
        }
    }
}
