//! Memory for whole vectors.

use crate::simd::MAX_LANES;
use std::collections::TryReserveError;
use std::ops::{Deref, DerefMut};

/// A line of the cache holds as many cells as the widest vector has lanes.
const SPARE: usize = MAX_LANES - 1;

/// Cells that begin where a line of the cache does: a vector that lies in two lines takes two loads.
pub struct Aligned {
    cells: Vec<f32>,
    start: usize,
}

impl Aligned {
    /// `len` zeros.
    pub fn zeros(len: usize) -> Aligned {
        Aligned::within(vec![0.0; len + SPARE], len)
    }

    /// `len` zeros.
    ///
    /// # Errors
    /// Where there is no memory for them.
    pub fn try_zeros(len: usize) -> Result<Aligned, TryReserveError> {
        let mut cells = Vec::new();
        cells.try_reserve_exact(len.saturating_add(SPARE))?;
        cells.resize(len + SPARE, 0.0);
        Ok(Aligned::within(cells, len))
    }

    /// What `fill` puts behind the cells that are there, which it leaves as they are.
    pub(crate) fn filled(len: usize, fill: impl FnOnce(&mut Vec<f32>)) -> Aligned {
        let mut cells: Vec<f32> = Vec::with_capacity(len + SPARE);
        let start = cells.as_ptr().align_offset(size_of::<[f32; MAX_LANES]>()).min(SPARE);
        cells.resize(start, 0.0);
        fill(&mut cells);
        cells.resize(start + len, 0.0);
        Aligned { cells, start }
    }

    fn within(mut cells: Vec<f32>, len: usize) -> Aligned {
        let start = cells.as_ptr().align_offset(size_of::<[f32; MAX_LANES]>()).min(SPARE);
        cells.truncate(start + len);
        Aligned { cells, start }
    }
}

impl Deref for Aligned {
    type Target = [f32];
    fn deref(&self) -> &[f32] {
        &self.cells[self.start..]
    }
}

impl DerefMut for Aligned {
    fn deref_mut(&mut self) -> &mut [f32] {
        &mut self.cells[self.start..]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cells_begin_with_a_line() {
        for len in [0, 1, 15, 16, 17, 1000, 100_000] {
            let three = Aligned::filled(len, |cells| cells.extend(&[1.0, 2.0, 3.0][..len.min(3)]));
            let mut want = vec![0.0; len];
            want.iter_mut().zip([1.0, 2.0, 3.0]).for_each(|(to, from)| *to = from);
            assert_eq!(three.to_vec(), want);
            let zeros = [Aligned::zeros(len), Aligned::try_zeros(len).expect("little memory")];
            assert!(zeros.iter().all(|zeros| zeros.to_vec() == vec![0.0; len]));
            for aligned in zeros.into_iter().chain([three]) {
                assert!(len == 0 || aligned.as_ptr().addr().is_multiple_of(64) || cfg!(miri));
            }
        }
        assert!(Aligned::try_zeros(usize::MAX).is_err());
    }
}
