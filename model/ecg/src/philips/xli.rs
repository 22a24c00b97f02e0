//! XLI: each lead by itself, its second differences against a prediction, bytes apart, then LZW with codes of 10 bits.
//!
//! A lead begins with 8 bytes: how many bytes follow (32 bits), 2 that are not used, the first difference (16 bits), all with
//! the low byte first.

/// Bits of a code. The last code is the end.
const BITS: u32 = 10;
const END: usize = (1 << BITS) - 1;
/// Samples that a file may hold however small it is, and those a byte of it accounts for besides.
const FREE_SAMPLES: usize = 1 << 22;
const MOST_A_BYTE: usize = 64;

/// The stored samples of each lead. The error is what is wrong.
pub(super) fn decode(bytes: &[u8]) -> Result<Vec<Vec<i32>>, String> {
    let mut room = bytes.len().saturating_mul(MOST_A_BYTE).saturating_add(FREE_SAMPLES);
    let mut leads = Vec::new();
    let mut rest = bytes;
    while let Some((head, after)) = rest.split_first_chunk::<8>() {
        let size = u32::from_le_bytes([head[0], head[1], head[2], head[3]]);
        let first = i16::from_le_bytes([head[6], head[7]]);
        let lead = leads.len() + 1;
        let body = after.get(..size as usize);
        let body = body.ok_or_else(|| format!("{} bytes of the {size} of lead {lead}", after.len()))?;
        let bytes = lzw(body, room.saturating_mul(2)).map_err(|e| format!("{e} in lead {lead}"))?;
        room -= bytes.len() / 2;
        leads.push(sums(&bytes, first));
        rest = &after[body.len()..];
    }
    if leads.is_empty() {
        return Err(format!("{} bytes", bytes.len()));
    }
    Ok(leads)
}

/// LZW, the high bits of a byte first, up to `most` bytes.
fn lzw(bytes: &[u8], most: usize) -> Result<Vec<u8>, String> {
    let mut out: Vec<u8> = Vec::new();
    // Strings by their place in what is written: one more than a string that was written, and the byte after it.
    let mut strings: Vec<(usize, usize)> = Vec::new();
    let mut last: Option<(usize, usize)> = None;
    let (mut bits, mut held) = (0_u32, 0);
    for byte in bytes {
        bits = bits << 8 | u32::from(*byte);
        held += 8;
        if held < BITS {
            continue;
        }
        held -= BITS;
        let code = (bits >> held) as usize;
        bits &= (1 << held) - 1;
        if code == END {
            break;
        }
        if let Some((from, length)) = last
            && 256 + strings.len() < END
        {
            strings.push((from, length + 1));
        }
        let from = out.len();
        match u8::try_from(code) {
            Ok(byte) => out.push(byte),
            Err(_) => {
                let string = strings.get(code - 256).ok_or_else(|| format!("the unknown code {code}"))?;
                if out.len() + string.1 > most {
                    return Err(format!("more than {MOST_A_BYTE} samples a byte"));
                }
                // The last byte of a string that is being made is its own first.
                (string.0..string.0 + string.1).for_each(|at| out.push(out[at]));
            }
        }
        last = Some((from, out.len() - from));
    }
    Ok(out)
}

/// Samples of their differences: first all high bytes, then all low bytes. Two samples stand as they are; each further one goes
/// on straight, less the difference that stands two places before plus 64.
fn sums(bytes: &[u8], first: i16) -> Vec<i32> {
    let count = bytes.len().div_ceil(2);
    let low = bytes[count..].iter().copied().chain(std::iter::once(0));
    let mut samples: Vec<i32> =
        bytes[..count].iter().zip(low).map(|(high, low)| i16::from_be_bytes([*high, low]).into()).collect();
    let mut difference = i32::from(first);
    for i in 2..count {
        let next = 2 * samples[i - 1] - samples[i - 2] - difference;
        difference = samples[i] - 64;
        // As stored, in 16 bits.
        samples[i] = i32::from(next as i16);
    }
    samples
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    /// Codes of 10 bits as bytes.
    fn pack(codes: &[usize]) -> Vec<u8> {
        let bits: Vec<bool> =
            codes.iter().flat_map(|code| (0..BITS).rev().map(move |bit| code >> bit & 1 == 1)).collect();
        bits.chunks(8)
            .map(|byte| byte.iter().enumerate().fold(0, |sum, (i, bit)| sum | u8::from(*bit) << (7 - i)))
            .collect()
    }

    /// LZW as in the books: the longest string that is known, by its code.
    fn compress(bytes: &[u8]) -> Vec<u8> {
        let mut known: Vec<Vec<u8>> = (0..=255).map(|byte| vec![byte]).collect();
        let (mut codes, mut string) = (Vec::new(), Vec::new());
        let code_of = |known: &[Vec<u8>], string: &[u8]| known.iter().position(|entry| entry == string);
        for byte in bytes {
            let longer = [&string[..], &[*byte]].concat();
            if code_of(&known, &longer).is_some() {
                string = longer;
                continue;
            }
            codes.push(code_of(&known, &string).expect("known"));
            if known.len() < END {
                known.push(longer);
            }
            string = vec![*byte];
        }
        codes.extend(code_of(&known, &string));
        codes.push(END);
        pack(&codes)
    }

    /// A lead as a file holds it.
    pub(crate) fn encode(samples: &[i32]) -> Vec<u8> {
        let mut stored = samples[..2].to_vec();
        let second = |i: usize| 2 * samples[i - 1] - samples[i - 2] - samples[i];
        stored
            .extend((2..samples.len()).map(|i| if i + 1 < samples.len() { second(i + 1) + 64 } else { 64 }));
        let first = if samples.len() > 2 { second(2) } else { 0 };
        let halves: Vec<u8> =
            stored.iter().map(|v| (v >> 8) as u8).chain(stored.iter().map(|v| *v as u8)).collect();
        let body = compress(&halves);
        let mut out = (body.len() as u32).to_le_bytes().to_vec();
        out.extend([1, 0]);
        out.extend((first as i16).to_le_bytes());
        out.extend(body);
        out
    }

    #[test]
    fn strings_by_hand() {
        // a, b, ab, aba: the last string is made of itself.
        assert_eq!(lzw(&pack(&[97, 98, 256, 258, END, 7]), 99).as_deref(), Ok(&b"abababa"[..]));
        assert_eq!(lzw(&pack(&[97, 256]), 99).as_deref(), Ok(&b"aaa"[..]));
        assert_eq!(lzw(&[], 99).as_deref(), Ok(&b""[..]));
        assert_eq!(lzw(&pack(&[256]), 99), Err("the unknown code 256".into()));
        assert_eq!(lzw(&pack(&[97, 300]), 99), Err("the unknown code 300".into()));
        assert!(lzw(&pack(&[97, 256, 257, 258, 259]), 9).is_err());
    }

    #[test]
    fn leads_come_back() {
        let wave =
            |n: i32, scale: i32| (0..n).map(|i| (i * i % 1009 - 504) * scale / 64).collect::<Vec<i32>>();
        // The table of strings is filled by the longest.
        let leads = [wave(2, 64), wave(3, 64), wave(500, 30), wave(6000, 64), vec![0; 40_000], vec![-3; 7]];
        let bytes: Vec<u8> = leads.iter().flat_map(|lead| encode(lead)).collect();
        assert_eq!(decode(&bytes).as_deref(), Ok(&leads[..]));
        // What is less than a head is left out.
        assert_eq!(decode(&[&bytes[..], &[0; 7]].concat()).map(|leads| leads.len()), Ok(6));
    }

    #[test]
    fn no_memory_by_what_codes_promise() {
        // Each string is one longer than the last, as long as the table lasts.
        let mut codes = vec![0];
        codes.extend(256..END);
        codes.extend(std::iter::repeat_n(END - 1, 200_000));
        let body = pack(&codes);
        let bytes = [&(body.len() as u32).to_le_bytes()[..], &[0; 4], &body].concat();
        let error = decode(&bytes).expect_err("too many");
        assert_eq!(error, "more than 64 samples a byte in lead 1");
        assert!(decode(&[255; 20]).is_err());
        assert!(decode(&[0; 3]).is_err());
    }
}
