//! Graphics cards by their data sheets.

/// What a card can do in a second.
#[derive(Clone, Copy, Debug)]
pub struct Card {
    /// Its name.
    pub name: &'static str,
    /// Compute units, or streaming multiprocessors.
    pub units: usize,
    /// Multiply-adds of f32 that a unit begins in a cycle.
    pub lanes: usize,
    /// Cycles a second, boosted.
    pub clock: f64,
    /// Bytes a second from memory.
    pub memory: f64,
    /// Bytes of workgroup memory that a unit reads in a cycle.
    pub workgroup_bytes: usize,
}

impl Card {
    /// Multiply-adds of f32 a second.
    pub fn peak(&self) -> f64 {
        (self.units * self.lanes) as f64 * self.clock
    }
}

/// AMD's RDNA 2 white paper and product page; NVIDIA's Ada white paper and product page; NVIDIA's H200 data sheet and Hopper white paper.
pub const CARDS: [Card; 3] = [
    Card { name: "RX 6800 XT", units: 72, lanes: 64, clock: 2.25e9, memory: 512e9, workgroup_bytes: 128 },
    Card { name: "RTX 4070", units: 46, lanes: 128, clock: 2.475e9, memory: 504e9, workgroup_bytes: 128 },
    Card { name: "H200 SXM", units: 132, lanes: 128, clock: 1.98e9, memory: 4.8e12, workgroup_bytes: 128 },
];
