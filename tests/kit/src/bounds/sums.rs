//! Sums of products, in the orders that kernels take them.

use super::{Approx, Arithmetic, UNIT, gamma, product, sum};
use efficientecg_kernels::op::{self, Precision};

impl Arithmetic {
    /// Adds `w x` to one chain for each column: a step of the product.
    #[inline(always)]
    pub(crate) fn step(&self, chains: &mut [Approx], w: Approx, x: &[Approx]) {
        for (chain, x) in chains.iter_mut().zip(x) {
            *chain = self.mul_add(w, *x, *chain);
        }
    }

    /// Adds two products to each chain, in either order or at once: a step in bf16, whose products are exact.
    #[inline(always)]
    pub(crate) fn step_pair(&self, chains: &mut [Approx], w: [Approx; 2], x: [&[Approx]; 2]) {
        for (chain, (x0, x1)) in chains.iter_mut().zip(x[0].iter().zip(x[1])) {
            let (p, q) = (product(w[0], *x0), product(w[1], *x1));
            let most = chain.value.abs() + p.value.abs() + q.value.abs() + chain.error;
            let own = gamma(2) * most + 2.0 * self.lost;
            let next = sum(*chain, sum(p, q));
            *chain = Approx { error: next.error + own, variance: next.variance + own * own / 3.0, ..next };
        }
    }

    /// Adds 16 pairs of steps to each chain as AMX does: the even and the odd ones' products in a chain each, from
    /// zero, and what both come to.
    fn steps_of_amx(&self, chains: &mut [Approx], weight: &[Approx], x: &[Vec<Approx>]) {
        let mut strands = [0, 1].map(|_| vec![Approx::default(); chains.len()]);
        for (i, (w, x)) in weight.iter().zip(x).enumerate() {
            self.step(&mut strands[i % 2], *w, x);
        }
        for (chain, (even, odd)) in chains.iter_mut().zip(strands[0].iter().zip(&strands[1])) {
            *chain = self.add(*chain, self.add(*even, *odd));
        }
    }

    /// All steps of the product of a row of weights as stored, from zeros, and the bias last: `x` has a row of columns
    /// for each step.
    pub(crate) fn row_product(
        &self,
        weight: &[Approx],
        bias: f64,
        x: &[Vec<Approx>],
        cols: usize,
    ) -> Vec<Approx> {
        let mut chains = vec![Approx::default(); cols];
        if self.matrices {
            for (t, chain) in chains.iter_mut().enumerate() {
                let terms = weight.iter().zip(x).map(|(w, x)| product(*w, x[t])).collect::<Vec<_>>();
                // To whole matrices of 16, and once more where their sum joins the one before.
                let additions = 17 * terms.len().div_ceil(16);
                *chain = self.tree(&terms, 2 * additions);
            }
        } else if self.precision == Precision::Bf16 && self.amx {
            for (w, x) in weight.chunks(32).zip(x.chunks(32)) {
                self.steps_of_amx(&mut chains, w, x);
            }
        } else if self.precision == Precision::Bf16 {
            for (w, x) in weight.chunks(2).zip(x.chunks(2)) {
                match (w, x) {
                    ([w0, w1], [x0, x1]) => self.step_pair(&mut chains, [*w0, *w1], [x0, x1]),
                    _ => self.step(&mut chains, w[0], &x[0]),
                }
            }
        } else {
            for (w, x) in weight.iter().zip(x) {
                self.step(&mut chains, *w, x);
            }
        }
        let bias = Approx::exact(Arithmetic::narrow(bias));
        chains.into_iter().map(|chain| self.add(chain, bias)).collect()
    }

    /// `start + sum of w x`, one term after another; on a GPU in any order.
    pub(crate) fn chain(&self, start: Approx, terms: impl Iterator<Item = (f64, Approx)>) -> Approx {
        let terms = terms.map(|(w, x)| (Approx::exact(w), x));
        if self.is_gpu() {
            return self.any_order(start, terms);
        }
        terms.fold(start, |sum, (w, x)| self.mul_add(w, x, sum))
    }

    /// The sum of products in any order, each rounded.
    fn any_order(&self, start: Approx, terms: impl Iterator<Item = (Approx, Approx)>) -> Approx {
        let mut all = vec![start];
        all.extend(terms.map(|(w, x)| self.mul(w, x)));
        self.tree(&all, all.len() - 1)
    }

    /// The sum of terms, each of which goes through at most `height` additions.
    fn tree(&self, terms: &[Approx], height: usize) -> Approx {
        let exact = terms.iter().copied().fold(Approx::default(), sum);
        let size: f64 = terms.iter().map(|t| t.value.abs() + t.error).sum();
        let lost = terms.len() as f64 * self.lost;
        let variance = height as f64 * (UNIT * size).powi(2) / 3.0 + lost * lost;
        let error = exact.error + gamma(height) * size + lost;
        Approx { value: exact.value, error, variance: exact.variance + variance }
    }

    /// The dot product of two vectors: the terms split over `strands` vectors' lanes, and the lanes added up in a tree.
    pub(crate) fn dot(&self, w: &[f64], x: &[Approx], strands: usize) -> Approx {
        let terms = w.iter().zip(x).map(|(w, x)| (Approx::exact(*w), *x));
        if self.is_gpu() {
            return self.any_order(Approx::default(), terms);
        }
        let most = strands * self.lanes;
        let mut chains = vec![Approx::default(); most.min(w.len())];
        for (i, (w, x)) in terms.enumerate() {
            let chain = &mut chains[i % most];
            *chain = self.mul_add(w, x, *chain);
        }
        let height = (most.ilog2() as usize).min(chains.len().saturating_sub(1));
        self.tree(&chains, height)
    }

    /// The sum of numbers, one after another; on a GPU in any order.
    pub(crate) fn total(&self, terms: &[Approx]) -> Approx {
        if self.is_gpu() {
            return self.tree(terms, terms.len().saturating_sub(1));
        }
        let mut terms = terms.iter().copied();
        let first = terms.next().unwrap_or_default();
        terms.fold(first, |sum, t| self.add(sum, t))
    }

    /// Sums over time chunks of `rows` rows: `[time_chunks(cols), rows]`.
    pub(crate) fn sum_time_chunks(&self, y: &[Approx], rows: usize) -> Vec<Approx> {
        let cols = y.len() / rows.max(1);
        (0..op::time_chunks(cols))
            .flat_map(|time_chunk| (0..rows).map(move |r| (time_chunk, r)))
            .map(|(time_chunk, r)| self.total(&y[r * cols..][op::time_chunk(cols, time_chunk)]))
            .collect()
    }

    /// Means over `cols` positions from sums over time chunks, a row of `width` each: in f64 on a CPU, then rounded.
    pub(crate) fn mean_of_time_chunks(&self, sums: &[f64], width: usize, cols: usize) -> Vec<Approx> {
        let column = |c: usize| sums.iter().skip(c).step_by(width).map(|v| Approx::exact(*v));
        (0..width)
            .map(|c| match self.is_gpu() {
                true => self.over(self.total(&column(c).collect::<Vec<_>>()), cols as f64),
                false => self.rounded(Approx::exact(column(c).map(|x| x.value).sum::<f64>() / cols as f64)),
            })
            .collect()
    }
}
