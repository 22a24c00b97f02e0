//! The last values of an endless sequence, side by side in memory that does not grow.

/// The last values; those before are gone.
#[derive(Clone, Debug)]
pub(super) struct Recent<T> {
    values: Vec<T>,
    /// The place in the sequence of the first one that is held.
    first: usize,
    /// Values that are held at least, once so many have come.
    keep: usize,
}

impl<T: Copy> Recent<T> {
    pub(super) fn new(keep: usize) -> Recent<T> {
        Recent { values: Vec::with_capacity(Recent::<T>::most(keep)), first: 0, keep }
    }

    /// Values that are held at most: old ones are dropped some at a time, as all others move then.
    fn most(keep: usize) -> usize {
        keep + keep / 16 + 1
    }

    pub(super) fn push(&mut self, value: T) {
        if self.values.len() == Recent::<T>::most(self.keep) {
            let old = self.values.len() - self.keep;
            self.values.drain(..old);
            self.first += old;
        }
        self.values.push(value);
    }

    /// The place behind the last value.
    pub(super) fn end(&self) -> usize {
        self.first + self.values.len()
    }

    /// The values from this place on, as far as they are held.
    pub(super) fn from(&self, place: usize) -> &[T] {
        &self.values[place.saturating_sub(self.first).min(self.values.len())..]
    }

    /// Takes back the values from this place on.
    pub(super) fn cut(&mut self, place: usize) {
        self.values.truncate(place.saturating_sub(self.first));
    }

    pub(super) fn bytes(&self) -> usize {
        self.values.capacity() * size_of::<T>()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_values_stay_and_memory_does_not_grow() {
        for keep in [0, 1, 2, 7, 100] {
            let mut recent = Recent::new(keep);
            let bytes = recent.bytes();
            for i in 0..10 * keep + 20 {
                recent.push(i);
                assert_eq!(recent.end(), i + 1);
                let held = recent.from(0);
                assert!(held.len() >= keep.min(i + 1) && held.len() <= keep + keep / 16 + 1);
                assert_eq!(held, (recent.first..=i).collect::<Vec<_>>());
                assert_eq!(recent.from(i), if held.is_empty() { &[][..] } else { &held[held.len() - 1..] });
            }
            assert_eq!(recent.bytes(), bytes);
            assert!(recent.from(usize::MAX).is_empty());
            let end = recent.end();
            recent.cut(end - 1);
            assert_eq!(recent.end(), end - 1);
            recent.cut(end);
            assert_eq!(recent.end(), end - 1);
        }
    }
}
