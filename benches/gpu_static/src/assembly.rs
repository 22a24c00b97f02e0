//! Counts of instructions in the text of AMD's machine code: what runs once, and what runs in the loop that does the work.

use std::collections::HashMap;
use std::ops::Range;

/// Instructions of a stretch of code.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct InstructionCounts {
    /// All of them.
    pub all: usize,
    /// Multiply-adds of f32, and those of matrices of f16, each as one.
    pub multiply_adds: usize,
    /// Those of the vector unit, each as many as it takes the time of: a transcendental one four.
    pub vector: usize,
    /// Bytes that a thread reads or writes in workgroup memory.
    pub workgroup_bytes: usize,
}

impl InstructionCounts {
    fn plus(self, other: InstructionCounts) -> InstructionCounts {
        InstructionCounts {
            all: self.all + other.all,
            multiply_adds: self.multiply_adds + other.multiply_adds,
            vector: self.vector + other.vector,
            workgroup_bytes: self.workgroup_bytes + other.workgroup_bytes,
        }
    }

    fn less(self, other: InstructionCounts) -> InstructionCounts {
        InstructionCounts {
            all: self.all - other.all,
            multiply_adds: self.multiply_adds - other.multiply_adds,
            vector: self.vector - other.vector,
            workgroup_bytes: self.workgroup_bytes - other.workgroup_bytes,
        }
    }
}

/// A program's instructions: of each loop, as if it ran once.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct CodeProfile {
    /// The whole program.
    pub whole: InstructionCounts,
    /// The innermost loop with the most multiply-adds, with the loops in it; nothing where no loop has any.
    pub inner: InstructionCounts,
    /// What the smallest loop around it holds beside it; nothing where it is in no other loop.
    pub around: InstructionCounts,
    /// The other innermost loops, those within it apart.
    pub others: InstructionCounts,
}

/// Reads a program in Mesa's format: labels `BB7:`, one instruction a line.
pub fn profile(assembly: &str) -> CodeProfile {
    let (mut code, mut labels): (Vec<Vec<&str>>, HashMap<&str, usize>) = Default::default();
    for line in assembly.lines() {
        let line = line.split(';').next().unwrap_or("").trim();
        if let Some(label) = line.strip_suffix(':') {
            labels.insert(label, code.len());
        } else if !line.is_empty() {
            code.push(line.split([' ', ',']).filter(|w| !w.is_empty()).collect());
        }
    }
    // A branch back closes a loop.
    let back = code.iter().enumerate().filter_map(|(at, words)| {
        let to = *labels.get(words.last()?)?;
        (words[0].contains("branch") && to <= at).then_some(to..at + 1)
    });
    let loops: Vec<Range<usize>> = back.collect();
    let count = |range: &Range<usize>| {
        code[range.clone()].iter().fold(InstructionCounts::default(), |sum, words| sum.plus(weigh(words[0])))
    };
    let mut within: HashMap<Range<usize>, usize> = HashMap::new();
    for at in (0..code.len()).filter(|at| weigh(code[*at][0]).multiply_adds > 0) {
        let around = loops.iter().filter(|l| l.contains(&at)).min_by_key(|l| l.len());
        if let Some(around) = around {
            *within.entry(around.clone()).or_default() += 1;
        }
    }
    let inner = within.into_iter().max_by_key(|(l, n)| (*n, l.start)).map(|(l, _)| l);
    let inner = inner.unwrap_or(0..0);
    let holds = |a: &Range<usize>, b: &Range<usize>| a != b && a.start <= b.start && b.end <= a.end;
    let innermost = |l: &&Range<usize>| !loops.iter().any(|other| holds(l, other));
    let apart = |l: &&Range<usize>| l.end <= inner.start || inner.end <= l.start;
    let others = loops.iter().filter(innermost).filter(apart).map(count);
    let around = loops.iter().filter(|l| holds(l, &inner)).min_by_key(|l| l.len());
    let around = around.filter(|_| !inner.is_empty()).map(|l| count(l).less(count(&inner)));
    CodeProfile {
        whole: count(&(0..code.len())),
        around: around.unwrap_or_default(),
        inner: count(&inner),
        others: others.fold(InstructionCounts::default(), InstructionCounts::plus),
    }
}

/// What one instruction counts for.
fn weigh(name: &str) -> InstructionCounts {
    let starts = |with: &[&str]| with.iter().any(|w| name.starts_with(w));
    let slow = ["v_exp", "v_rcp", "v_rsq", "v_sqrt", "v_log", "v_sin", "v_cos"];
    let vector = match name {
        _ if starts(&slow) => 4,
        _ if name.starts_with("v_") => 1,
        _ => 0,
    };
    let multiply_adds = usize::from(starts(&[
        "v_fma_f32",
        "v_fmac_f32",
        "v_fma_mix_f32",
        "v_mad_f32",
        "v_mac_f32",
        "v_wmma_f32",
    ]));
    let bytes = if name.ends_with("b128") {
        16
    } else if name.ends_with("b96") {
        12
    } else if name.ends_with("b64") {
        8
    } else {
        4
    };
    // Two places at once.
    let twice = if name.starts_with("ds_read2") || name.starts_with("ds_write2") { 2 } else { 1 };
    let workgroup_bytes = if name.starts_with("ds_") { bytes * twice } else { 0 };
    InstructionCounts { all: 1, multiply_adds, vector, workgroup_bytes }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_loop_that_does_the_work_is_found() {
        let text = "BB0:\n\ts_mov_b32 s0, s3 ; be800303\n\tv_exp_f32_e32 v0, v1 ; 00\n\ts_cbranch_scc0 BB9 ; 00\n\
            BB1:\n\tds_write_b128 v1, v[2:5] ; 00\nBB2:\n\tds_read_b32 v9, v1 ; 00\n\ts_branch BB2 ; 00\n\
            \tds_read2_b64 v[1:4], v8 offset1:1 ; 00\n\tv_fmac_f32_e32 v6, v20, v28 ; 00\n\tv_fma_f32 v6, v20, v28, v1 ; 00\n\
            \ts_cbranch_vccnz BB1 ; 00\nBB9:\n\tv_fmac_f32_e32 v6, v20, v28 ; 00\n\ts_cbranch_scc1 BB9 ; 00\n\ts_endpgm ; 00\n";
        let found = profile(text);
        assert_eq!(
            found.inner,
            InstructionCounts { all: 7, multiply_adds: 2, vector: 2, workgroup_bytes: 36 }
        );
        assert_eq!(
            found.whole,
            InstructionCounts { all: 13, multiply_adds: 3, vector: 7, workgroup_bytes: 36 }
        );
        assert_eq!(
            found.others,
            InstructionCounts { all: 2, multiply_adds: 1, vector: 1, workgroup_bytes: 0 }
        );
        assert_eq!(profile("BB0:\n\tv_fmac_f32_e32 v6, v20, v28\n").inner, InstructionCounts::default());
    }
}
