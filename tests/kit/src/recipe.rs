//! Random cases: what property tests draw.

use crate::bounds::Bounded;
use crate::case::Case;
use crate::random::Generator;
use efficientecg_kernels::tensor::{Matrix, Shape};

/// The numbers that a recipe is made from; smaller ones make smaller cases, so that a failing draw can be shrunk.
pub type Draw = [u32; 12];

/// How the numbers of an operand are chosen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Distribution {
    /// Zeros of both signs.
    Zeros,
    /// One number, again and again.
    Constant,
    /// -2 to 2.
    Normal,
    /// 0 to 2.
    Positive,
    /// Normal ones times 2^40.
    Huge,
    /// Normal ones times 2^-60.
    Tiny,
    /// Subnormal numbers.
    Subnormal,
    /// Some of each, the huge apart.
    Mixed,
}

impl Distribution {
    const ALL: [Distribution; 8] = [
        Distribution::Zeros,
        Distribution::Constant,
        Distribution::Normal,
        Distribution::Positive,
        Distribution::Huge,
        Distribution::Tiny,
        Distribution::Subnormal,
        Distribution::Mixed,
    ];

    /// Numbers that are f32, the same for the same `random`.
    pub fn take(self, random: &mut Generator, n: usize) -> Vec<f64> {
        let constant = 2.0 * random.value();
        let mut one = |values: Distribution| -> f64 {
            let v = random.value();
            match values {
                Distribution::Zeros => 0.0f64.copysign(v),
                Distribution::Constant => constant,
                Distribution::Normal | Distribution::Mixed => 2.0 * v,
                Distribution::Positive => 2.0 * v.abs(),
                Distribution::Huge => v * 2f64.powi(41),
                Distribution::Tiny => v * 2f64.powi(-60),
                Distribution::Subnormal => f64::from((v * 2f64.powi(-127)) as f32),
            }
        };
        let kinds = [
            Distribution::Zeros,
            Distribution::Normal,
            Distribution::Positive,
            Distribution::Tiny,
            Distribution::Subnormal,
        ];
        (0..n).map(|i| one(if self == Distribution::Mixed { kinds[i * 7 % 5] } else { self })).collect()
    }
}

/// What a random case is made of.
#[derive(Clone, Debug)]
pub struct Recipe {
    draw: Draw,
    /// Bits for whatever may be or not be.
    pub flags: u32,
    /// How operands are chosen.
    pub values: Distribution,
    /// How weights are.
    pub weights: Distribution,
    seed: usize,
    next: usize,
}

/// One, two, and what lies around vectors, blocks and time chunks of every level.
const SIZES: [usize; 36] = [
    1, 2, 3, 4, 5, 7, 8, 9, 11, 12, 13, 15, 16, 17, 23, 24, 25, 31, 32, 33, 47, 48, 49, 63, 64, 65, 95, 96,
    97, 127, 128, 129, 191, 192, 193, 200,
];

/// Lengths beyond those, around time chunks and runs of attention.
const LENGTHS: [usize; 16] =
    [255, 256, 257, 511, 512, 513, 600, 1023, 1024, 1025, 1100, 1537, 2047, 2500, 4097, 5000];

impl Recipe {
    /// The recipe of a draw.
    pub fn new(draw: Draw) -> Recipe {
        let pick = |d: u32| Distribution::ALL[(d >> 29) as usize];
        // Half of all weights, and a third of all operands, are as in a network.
        let (values, weights) = (pick(draw[0]), pick(draw[1]));
        Recipe {
            flags: draw[2],
            values: if draw[0].is_multiple_of(3) { Distribution::Normal } else { values },
            // Products of huge numbers by huge ones, layer after layer, leave the range.
            weights: if draw[1].is_multiple_of(2) || weights == Distribution::Huge {
                Distribution::Normal
            } else {
                weights
            },
            seed: draw[3] as usize,
            draw,
            next: 4,
        }
    }

    /// Whether flag `i` is set.
    pub fn flag(&self, i: u32) -> bool {
        self.flags >> (31 - i) & 1 == 1
    }

    fn draw(&mut self) -> u64 {
        let d = self.draw[self.next % self.draw.len()];
        self.next += 1;
        u64::from(d)
    }

    /// A number from 0 to `most`.
    pub fn below(&mut self, most: usize) -> usize {
        ((self.draw() * (most as u64 + 1)) >> 32) as usize
    }

    /// A size from 1 to `most`, one that kernels cut at more often than not.
    pub fn size(&mut self, most: usize) -> usize {
        let sizes: Vec<usize> = SIZES.iter().chain(&LENGTHS).copied().filter(|s| *s <= most).collect();
        let all = sizes.len() + sizes.len() / 4;
        let i = ((self.draw() * all as u64) >> 32) as usize;
        // Some are any number. Of 64 bits, as seeds may take all of a smaller `usize`.
        let any = (self.seed as u64).wrapping_mul(31).wrapping_add(i as u64) % most.max(1) as u64;
        *sizes.get(i).unwrap_or(&(1 + any as usize))
    }

    /// The numbers to fill a case with.
    pub fn random(&self) -> Generator {
        Generator::new(self.seed)
    }

    /// Weights of a layer of `inputs` inputs, so that activations keep their size.
    pub fn layer(&self, random: &mut Generator, n: usize, inputs: usize) -> Vec<f64> {
        match self.weights {
            Distribution::Normal => random.weights(n, inputs),
            other => other.take(random, n),
        }
    }

    /// An operand.
    pub fn matrix(&self, random: &mut Generator, shape: Shape) -> Matrix {
        Matrix { shape, data: self.values.take(random, shape.len()) }
    }

    /// The case of an operation that is made.
    pub(crate) fn case(&self, op: impl Bounded + 'static, inputs: Vec<Matrix>) -> Case {
        let shapes: Vec<String> = inputs.iter().map(|m| m.shape.to_string()).collect();
        let name = format!("{} of {:?}, weights {:?}", shapes.join(" "), self.values, self.weights);
        Case { name, op: Box::new(op), inputs }
    }
}
