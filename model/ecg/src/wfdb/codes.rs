//! Annotation codes and their symbols, after annot(5) and the WFDB library's table of mnemonics.

/// What an annotation says: the WFDB library's number for it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Code(u8);

/// Codes are six bits; 59 to 63 steer the annotation format and mean no annotation.
const MAX_CODE: u8 = 58;

/// (number, symbol, is a beat, meaning), the whole table.
const TABLE: [(u8, char, bool, &str); 39] = [
    (1, 'N', true, "normal beat"),
    (2, 'L', true, "left bundle branch block beat"),
    (3, 'R', true, "right bundle branch block beat"),
    (4, 'a', true, "aberrated atrial premature beat"),
    (5, 'V', true, "premature ventricular contraction"),
    (6, 'F', true, "fusion of ventricular and normal beat"),
    (7, 'J', true, "nodal (junctional) premature beat"),
    (8, 'A', true, "atrial premature beat"),
    (9, 'S', true, "premature or ectopic supraventricular beat"),
    (10, 'E', true, "ventricular escape beat"),
    (11, 'j', true, "nodal (junctional) escape beat"),
    (12, '/', true, "paced beat"),
    (13, 'Q', true, "unclassifiable beat"),
    (14, '~', false, "signal quality change"),
    (16, '|', false, "isolated QRS-like artifact"),
    (18, 's', false, "ST change"),
    (19, 'T', false, "T-wave change"),
    (20, '*', false, "systole"),
    (21, 'D', false, "diastole"),
    (22, '"', false, "comment"),
    (23, '=', false, "measurement"),
    (24, 'p', false, "P-wave peak"),
    (25, 'B', true, "left or right bundle branch block beat"),
    (26, '^', false, "pacer spike that did not capture"),
    (27, 't', false, "T-wave peak"),
    (28, '+', false, "rhythm change"),
    (29, 'u', false, "U-wave peak"),
    (30, '?', true, "beat not classified during learning"),
    (31, '!', false, "ventricular flutter wave"),
    (32, '[', false, "start of ventricular flutter or fibrillation"),
    (33, ']', false, "end of ventricular flutter or fibrillation"),
    (34, 'e', true, "atrial escape beat"),
    (35, 'n', true, "supraventricular escape beat"),
    (36, '@', false, "link to external data"),
    (37, 'x', false, "P wave that is not conducted"),
    (38, 'f', true, "fusion of paced and normal beat"),
    (39, '(', false, "onset of a wave"),
    (40, ')', false, "end of a wave"),
    (41, 'r', true, "R-on-T premature ventricular contraction"),
];

impl Code {
    /// A normal beat.
    pub const NORMAL: Code = Code(1);
    /// A premature ventricular contraction.
    pub const VENTRICULAR: Code = Code(5);
    /// A fusion of ventricular and normal beat.
    pub const FUSION: Code = Code(6);
    /// An atrial premature beat.
    pub const ATRIAL: Code = Code(8);
    /// A premature or ectopic supraventricular beat.
    pub const SUPRAVENTRICULAR: Code = Code(9);
    /// An unclassifiable beat.
    pub const UNKNOWN: Code = Code(13);
    /// A change of signal quality: its subtype says how.
    pub const QUALITY: Code = Code(14);
    /// A comment: its text is in the auxiliary field.
    pub const NOTE: Code = Code(22);
    /// A rhythm change: its name is in the auxiliary field.
    pub const RHYTHM: Code = Code(28);
    /// A wave of ventricular flutter.
    pub const FLUTTER_WAVE: Code = Code(31);
    /// Start of ventricular flutter or fibrillation.
    pub const FLUTTER_ON: Code = Code(32);
    /// End of ventricular flutter or fibrillation.
    pub const FLUTTER_OFF: Code = Code(33);

    /// The code with this number; `None` above 58, where the annotation format has other uses for the numbers.
    pub fn new(number: u8) -> Option<Self> {
        (number <= MAX_CODE).then_some(Self(number))
    }

    /// The code with this symbol, if there is one.
    pub fn from_symbol(symbol: char) -> Option<Self> {
        TABLE.iter().find(|row| row.1 == symbol).map(|row| Self(row.0))
    }

    /// The number in the file.
    pub fn number(self) -> u8 {
        self.0
    }

    /// The symbol that WFDB tools print; `None` for numbers that have none (those that are reserved or that users define).
    pub fn symbol(self) -> Option<char> {
        self.row().map(|row| row.1)
    }

    /// What it means.
    pub fn meaning(self) -> &'static str {
        self.row().map_or("reserved, or defined by the user", |row| row.3)
    }

    /// Whether it marks a beat. Flutter waves (`!`) are not counted: they stand in segments that scoring leaves out.
    pub fn is_beat(self) -> bool {
        self.row().is_some_and(|row| row.2)
    }

    fn row(self) -> Option<&'static (u8, char, bool, &'static str)> {
        TABLE.iter().find(|row| row.0 == self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn symbols_and_numbers_are_one_to_one() {
        for row in &TABLE {
            let code = Code::new(row.0).expect("below the limit");
            assert_eq!(code.symbol().and_then(Code::from_symbol), Some(code));
            assert_eq!(TABLE.iter().filter(|r| r.0 == row.0 || r.1 == row.1).count(), 1);
        }
        assert_eq!(Code::from_symbol('V'), Some(Code::VENTRICULAR));
        assert_eq!(Code::from_symbol('Z'), None);
        assert_eq!(Code::new(59), None);
        assert_eq!(Code::new(45).and_then(Code::symbol), None);
    }

    #[test]
    fn beats_are_the_beats_of_ecgcodes() {
        let beats: String =
            (0..=MAX_CODE).filter_map(Code::new).filter(|c| c.is_beat()).filter_map(Code::symbol).collect();
        assert_eq!(beats, "NLRaVFJASEj/QB?enfr");
    }
}
