//! The dictionary in the header of a `.npy` array: the part of Python's literals that NumPy writes there.

/// What a header says.
#[derive(Debug, PartialEq)]
pub(super) struct Literal<'a> {
    pub(super) descr: Descr<'a>,
    pub(super) fortran: bool,
    pub(super) shape: Vec<usize>,
}

/// An element type.
#[derive(Debug, PartialEq)]
pub(super) enum Descr<'a> {
    /// A type string, such as `<f4`: its byte order, kind and size in bytes, as far as it tells one.
    Plain { text: &'a str, order: u8, kind: u8, bytes: usize },
    /// Fields, or arrays as elements.
    Structured,
}

impl<'a> Literal<'a> {
    /// Reads a header; what is wrong with it otherwise.
    pub(super) fn parse(text: &'a str) -> Result<Literal<'a>, String> {
        let mut scan = Scan(text);
        let (mut descr, mut fortran, mut shape) = (None, None, None);
        scan.expect('{')?;
        while !scan.take('}') {
            let key = scan.string()?;
            scan.expect(':')?;
            let twice = match key {
                "descr" => descr.replace(scan.descr()?).is_some(),
                "fortran_order" => fortran.replace(scan.truth()?).is_some(),
                "shape" => shape.replace(scan.shape()?).is_some(),
                _ => return Err(format!("unknown key '{key}'")),
            };
            if twice {
                return Err(format!("key '{key}' twice"));
            }
            if !scan.take(',') && !scan.0.starts_with('}') {
                return Err("no comma between keys".to_owned());
            }
        }
        if !scan.0.is_empty() {
            return Err("text after the dictionary".to_owned());
        }
        let missing = |key: &str| format!("missing key '{key}'");
        Ok(Literal {
            descr: descr.ok_or_else(|| missing("descr"))?,
            fortran: fortran.ok_or_else(|| missing("fortran_order"))?,
            shape: shape.ok_or_else(|| missing("shape"))?,
        })
    }
}

/// What is left of a header.
struct Scan<'a>(&'a str);

impl<'a> Scan<'a> {
    fn skip(&mut self) {
        self.0 = self.0.trim_start();
    }

    /// Whether `c` came next, which is behind then, with the spaces around it.
    fn take(&mut self, c: char) -> bool {
        self.skip();
        let rest = self.0.strip_prefix(c);
        self.0 = rest.unwrap_or(self.0);
        self.skip();
        rest.is_some()
    }

    fn expect(&mut self, c: char) -> Result<(), String> {
        if self.take(c) { Ok(()) } else { Err(format!("no {c} where one is due")) }
    }

    /// Text in quotes.
    fn string(&mut self) -> Result<&'a str, String> {
        for quote in ['\'', '"'] {
            if let Some(rest) = self.0.strip_prefix(quote) {
                let (text, rest) = rest.split_once(quote).ok_or("text without an end")?;
                self.0 = rest;
                self.skip();
                return Ok(text);
            }
        }
        Err("no text in quotes where one is due".to_owned())
    }

    fn truth(&mut self) -> Result<bool, String> {
        for (word, value) in [("True", true), ("False", false)] {
            if let Some(rest) = self.0.strip_prefix(word) {
                self.0 = rest;
                self.skip();
                return Ok(value);
            }
        }
        Err("fortran_order is neither True nor False".to_owned())
    }

    /// A tuple of sizes.
    fn shape(&mut self) -> Result<Vec<usize>, String> {
        let mut sizes = Vec::new();
        self.expect('(')?;
        while !self.take(')') {
            let digits = self.0.bytes().take_while(u8::is_ascii_digit).count();
            let (number, rest) = self.0.split_at(digits);
            if number.is_empty() {
                return Err("a size in shape must be an integer".to_owned());
            }
            self.0 = rest;
            self.skip();
            sizes.push(number.parse().map_err(|_| format!("a size of {number}"))?);
            // (3) is no tuple; (3,) is.
            let ends = sizes.len() > 1 && self.0.starts_with(')');
            if !ends && !self.take(',') {
                return Err("shape is no tuple of sizes".to_owned());
            }
        }
        Ok(sizes)
    }

    fn descr(&mut self) -> Result<Descr<'a>, String> {
        if self.0.starts_with(['[', '(']) {
            self.nested()?;
            return Ok(Descr::Structured);
        }
        let text = self.string()?;
        let unknown = || format!("unknown type '{text}'");
        let [order, kind, size @ ..] = text.as_bytes() else { return Err(unknown()) };
        if !b"<>|=".contains(order) || !b"biufcOSaUVMm".contains(kind) {
            return Err(unknown());
        }
        // A date's unit comes after its size.
        let digits = size.iter().take_while(|b| b.is_ascii_digit()).count();
        let bytes = text.get(2..2 + digits).and_then(|n| n.parse().ok()).unwrap_or(0);
        Ok(Descr::Plain { text, order: *order, kind: *kind, bytes })
    }

    /// Skips what is in brackets.
    fn nested(&mut self) -> Result<(), String> {
        let mut depth = 0;
        loop {
            match self.0.chars().next().ok_or("brackets without an end")? {
                '\'' | '"' => {
                    self.string()?;
                    continue;
                }
                '[' | '(' => depth += 1,
                ']' | ')' => depth -= 1,
                _ => {}
            }
            // Headers are ASCII.
            self.0 = self.0.get(1..).unwrap_or_default();
            if depth == 0 {
                self.skip();
                return Ok(());
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn headers_of_every_writer() {
        let plain = |text, order, kind, bytes| Descr::Plain { text, order, kind, bytes };
        for (text, descr, fortran, shape) in [
            (
                "{'descr': '<f4', 'fortran_order': False, 'shape': (3, 4), }  \n",
                plain("<f4", b'<', b'f', 4),
                false,
                vec![3, 4],
            ),
            (
                "{\"shape\":(7,),\"descr\":\">i2\",\"fortran_order\":True}",
                plain(">i2", b'>', b'i', 2),
                true,
                vec![7],
            ),
            (
                " { 'descr' : '|u1' , 'shape' : ( ) , 'fortran_order' : False } ",
                plain("|u1", b'|', b'u', 1),
                false,
                vec![],
            ),
            (
                "{'descr': '<M8[ns]', 'fortran_order': False, 'shape': (1 ,2, 3 )}",
                plain("<M8[ns]", b'<', b'M', 8),
                false,
                vec![1, 2, 3],
            ),
            (
                "{'descr': [('a]', '<f4'), ('b', '<f4', (2,))], 'fortran_order': False, 'shape': (1,), }",
                Descr::Structured,
                false,
                vec![1],
            ),
        ] {
            assert_eq!(Literal::parse(text), Ok(Literal { descr, fortran, shape }), "{text}");
        }
    }

    #[test]
    fn what_no_writer_writes() {
        let good = "{'descr': '<f4', 'fortran_order': False, 'shape': (3, 4), }";
        for (from, to, found) in [
            ("{'d", "'d", "no {"),
            (", }", ", ", "no text in quotes"),
            (", }", ", } x", "text after"),
            ("'shape'", "'shape", "text without an end"),
            (": (3", " (3", "no :"),
            ("(3, 4)", "(3)", "no tuple"),
            ("(3, 4)", "3", "no ("),
            ("(3, 4)", "(3 4)", "no tuple"),
            ("(3, 4)", "(,)", "integer"),
            ("(3, 4)", "(3, 4", "integer"),
            ("(3, 4)", "(3, 99999999999999999999)", "a size of 9"),
            ("False", "false", "neither"),
            ("False,", "False", "no comma"),
            ("'<f4'", "'<q4'", "unknown type"),
            ("'<f4'", "'f'", "unknown type"),
            ("'<f4'", "''", "unknown type"),
            ("'<f4'", "[('a', '<f4'", "without an end"),
            ("'descr'", "'shape'", "no ("),
            ("'descr'", "'dtype'", "unknown key"),
            ("'descr': '<f4'", "'fortran_order': True", "twice"),
            ("'shape': (3, 4), ", "", "missing key 'shape'"),
        ] {
            let text = good.replacen(from, to, 1);
            assert_ne!(text, good);
            let error = Literal::parse(&text).expect_err(&text);
            assert!(error.contains(found), "{text}: {error}");
        }
        for end in 0..good.len() {
            assert!(Literal::parse(&good[..end]).is_err(), "cut off after {end}");
        }
    }
}
