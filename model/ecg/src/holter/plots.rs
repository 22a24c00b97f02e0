//! What the pictures of a record show, in memory that does not grow with it.

/// Columns of a tachogram.
const COLUMNS: usize = 1440;
/// Cells of a Lorenz plot on a side, and seconds of a cell.
const SIDE: usize = 200;
const CELL: f64 = 0.01;

/// The intervals of one column.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct TachogramBin {
    /// Intervals that end in it.
    pub count: usize,
    /// The shortest, in seconds.
    pub min: f64,
    /// The mean, in seconds.
    pub mean: f64,
    /// The longest, in seconds.
    pub max: f64,
}

/// Intervals over time: the record in columns of one length, a second at least.
#[derive(Debug, Clone, PartialEq)]
pub struct Tachogram {
    /// Seconds of a column.
    pub width: f64,
    /// In order of time.
    pub bins: Vec<TachogramBin>,
}

impl Tachogram {
    pub(super) fn new(seconds: f64) -> Tachogram {
        let width = (seconds / COLUMNS as f64).max(1.0);
        let count = ((seconds / width).ceil() as usize).clamp(1, COLUMNS);
        Tachogram { width, bins: vec![TachogramBin::default(); count] }
    }

    pub(super) fn add(&mut self, end: f64, seconds: f64) {
        let last = self.bins.len() - 1;
        let bin = &mut self.bins[((end / self.width) as usize).min(last)];
        if bin.count == 0 {
            *bin = TachogramBin { count: 0, min: seconds, mean: 0.0, max: seconds };
        }
        bin.count += 1;
        bin.min = bin.min.min(seconds);
        bin.max = bin.max.max(seconds);
        bin.mean += (seconds - bin.mean) / bin.count as f64;
    }
}

/// Each interval against the one before (Poincaré or Lorenz plot): how often, in cells of 10 ms up to 2 s. Longer ones count in the last cell.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Lorenz {
    /// Pairs of NN intervals, `[before, after]`, row by row.
    pub normal: Vec<u32>,
    /// Other pairs.
    pub other: Vec<u32>,
}

impl Default for Lorenz {
    fn default() -> Lorenz {
        Lorenz { normal: vec![0; SIDE * SIDE], other: vec![0; SIDE * SIDE] }
    }
}

impl Lorenz {
    /// Cells on a side.
    pub const SIDE: usize = SIDE;
    /// Seconds of a cell.
    pub const CELL: f64 = CELL;

    pub(super) fn add(&mut self, before: f64, after: f64, normal: bool) {
        let place = |seconds: f64| ((seconds / CELL) as usize).min(SIDE - 1);
        let cells = if normal { &mut self.normal } else { &mut self.other };
        let cell = &mut cells[place(before) * SIDE + place(after)];
        *cell = cell.saturating_add(1);
    }
}
