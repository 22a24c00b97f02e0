//! Kernels that count what is done, and read what other threads wrote: who does which task, and when.

use super::*;

/// Counts its tasks. The first of them waits, if it is to, until all others are done; one may panic, once.
struct Counting {
    done: Arc<Vec<AtomicUsize>>,
    waits: bool,
    fails: Arc<AtomicUsize>,
}

impl Contract for Counting {
    fn name(&self) -> &'static str {
        "counting"
    }
    fn outputs(&self, inputs: &[Shape]) -> Result<Vec<Shape>, ShapeError> {
        Ok(inputs.to_vec())
    }
    fn cost(&self, _: &[Shape]) -> Cost {
        Cost::default()
    }
}

impl Kernel for Counting {
    fn tasks(&self, _: &[Shape]) -> usize {
        self.done.len()
    }
    fn scratch(&self, _: &[Shape]) -> usize {
        0
    }
    unsafe fn run(&self, call: Call<'_>) {
        let count = |task: usize| self.done[task].load(Ordering::Relaxed);
        for task in call.tasks {
            while self.waits && task == 0 && (1..self.done.len()).any(|t| count(t) <= count(0)) {
                std::thread::yield_now();
            }
            let one = self.fails.compare_exchange(task, usize::MAX, Ordering::Relaxed, Ordering::Relaxed);
            assert!(one.is_err(), "on purpose");
            self.done[task].fetch_add(1, Ordering::Relaxed);
        }
    }
}

/// A network of one node that counts, on a pool.
fn counting(tasks: usize, threads: usize, waits: bool, fails: usize) -> (Cpu, Arc<Vec<AtomicUsize>>) {
    let done: Arc<Vec<_>> = Arc::new((0..tasks).map(|_| AtomicUsize::new(0)).collect());
    let node = || Counting { done: Arc::clone(&done), waits, fails: Arc::new(AtomicUsize::new(fails)) };
    let mut graph = Kernels::default();
    let x = graph.input();
    let [_] = graph.add("the node".into(), Box::new(node()), Box::new(node()) as Box<dyn Kernel>, &[x]);
    (Cpu::packed(graph, Level::best(), Arc::new(Pool::new(threads))), done)
}

fn run_record(cpu: &Cpu) -> Result<(), EngineError> {
    cpu.run(&mut Batch { size: 1, inputs: &[(Shape::new(1, 1), &[0.0])], outputs: &mut [] })
}

#[test]
fn each_task_is_done_once_a_record() {
    let (most, pools) = if cfg!(miri) { (5, 3..4) } else { (18, 1..6) };
    for (tasks, threads) in (0..most).flat_map(|tasks| pools.clone().map(move |threads| (tasks, threads))) {
        let (cpu, done) = counting(tasks, threads, false, usize::MAX);
        for record in 1..=3 {
            run_record(&cpu).unwrap_or_else(|e| panic!("{e}"));
            let done: Vec<usize> = done.iter().map(|n| n.load(Ordering::Relaxed)).collect();
            assert_eq!(done, vec![record; tasks], "{tasks} tasks, {threads} threads");
        }
    }
}

#[test]
fn who_is_done_helps_the_others() {
    // A share is two tasks, taken one by one: the other thread has to take the second of the one that waits.
    let (cpu, done) = counting(4, 2, true, usize::MAX);
    run_record(&cpu).unwrap_or_else(|e| panic!("{e}"));
    assert!(done.iter().all(|n| n.load(Ordering::Relaxed) == 1));
}

#[test]
fn a_step_that_panics_is_named_and_the_next_run_is_right() {
    for threads in [1, 3] {
        let (cpu, done) = counting(7, threads, false, 5);
        let error = run_record(&cpu).expect_err("a task panicked");
        assert!(matches!(&error, EngineError::Panic { node } if node == "the node"), "{error}");
        let before: Vec<usize> = done.iter().map(|n| n.load(Ordering::Relaxed)).collect();
        run_record(&cpu).unwrap_or_else(|e| panic!("{e}"));
        for (before, done) in before.iter().zip(done.iter()) {
            assert_eq!(done.load(Ordering::Relaxed), before + 1);
        }
    }
}

/// Adds one to the sum of its operands, whose next row a row is made of: of what other threads wrote. Takes so little that Miri can
/// try many orders.
struct NextRows;

impl Contract for NextRows {
    fn name(&self) -> &'static str {
        "next rows"
    }
    fn outputs(&self, inputs: &[Shape]) -> Result<Vec<Shape>, ShapeError> {
        Ok(vec![inputs[0]])
    }
    fn cost(&self, _: &[Shape]) -> Cost {
        Cost::default()
    }
}

impl Kernel for NextRows {
    fn tasks(&self, inputs: &[Shape]) -> usize {
        inputs[0].rows
    }
    fn takes_dense(&self) -> bool {
        true
    }
    fn scratch(&self, inputs: &[Shape]) -> usize {
        inputs[0].cols
    }
    unsafe fn run(&self, call: Call<'_>) {
        let Shape { rows, cols } = call.inputs[0].shape();
        for task in call.tasks {
            let sum = &mut call.scratch[..cols];
            sum.fill(1.0);
            for input in call.inputs {
                sum.iter_mut().zip(input.row((task + 1) % rows)).for_each(|(sum, x)| *sum += x);
            }
            // SAFETY: a task writes its own row.
            unsafe { call.outputs[0].row_mut(task) }.copy_from_slice(sum);
        }
    }
}

/// The memory of a run: inputs where the caller has them and copied, records apart and shared, profiled or not, one run after
/// another in the same memory, by two callers.
#[test]
fn a_run_reads_what_other_threads_wrote() {
    const SHAPE: Shape = Shape::new(4, 2);
    let scoped = |work: &(dyn Fn() + Sync)| {
        std::thread::scope(|scope| (0..3).for_each(|_| drop(scope.spawn(work))));
    };
    for pool in [Pool::new(1), Pool::new(3), Pool::lent(3, scoped)] {
        let label = format!("{pool:?}");
        let mut graph = Kernels::default();
        let (x, other) = (graph.input(), graph.input());
        let mut add = |inputs: &[Value]| -> Value {
            let op = Box::new(NextRows) as Box<dyn Kernel>;
            let [made] = graph.add("next rows".into(), Box::new(NextRows), op, inputs);
            made
        };
        let first = add(&[x]);
        let second = add(&[first]);
        let third = add(&[second, other]);
        let cpu = Cpu::packed(graph, Level::best(), Arc::new(pool));
        let call = |size: usize, profiled: bool| {
            let cells = size * SHAPE.len();
            let x: Vec<f32> = (0..cells).map(|i| i as f32).collect();
            let other: Vec<f32> = (0..cells).map(|i| 1000.0 * i as f32).collect();
            let (mut made, mut last) = (vec![0.0; cells], vec![0.0; cells]);
            let mut outputs = [(second, &mut made[..]), (third, &mut last[..])];
            let inputs = [(SHAPE, &x[..]), (SHAPE, &other[..])];
            let batch = &mut Batch { size, inputs: &inputs, outputs: &mut outputs };
            let spans =
                if profiled { cpu.profile(batch).map(|p| p.spans.len()) } else { cpu.run(batch).map(|()| 0) };
            assert_eq!(
                spans.unwrap_or_else(|e| panic!("{e}")),
                if profiled { 3 * size } else { 0 },
                "{label}"
            );
            for i in 0..cells {
                let at = |rows: usize| i / 8 * 8 + (i + 2 * rows) % 8;
                assert_eq!(made[i], x[at(2)] + 2.0, "{label}: {size} records, {i}");
                assert_eq!(last[i], x[at(3)] + other[at(1)] + 3.0, "{label}: {size} records, {i}");
            }
        };
        for run in 0..if cfg!(miri) { 1 } else { 200 } {
            call(4, run % 2 == 0);
            call(1, run % 2 == 1);
            call(1, true);
            call(5, false);
        }
        std::thread::scope(|scope| {
            for _ in 0..2 {
                scope.spawn(|| [1, 4, 1].iter().for_each(|size| call(*size, *size == 4)));
            }
        });
    }
}

#[test]
fn a_batch_whose_length_overflows_is_an_error() {
    let (cpu, done) = counting(3, 1, false, usize::MAX);
    // Twice this is 0 in a word: no buffers at all would seem long enough.
    let size = 1 << (usize::BITS - 1);
    let result = cpu.run(&mut Batch { size, inputs: &[(Shape::new(1, 2), &[])], outputs: &mut [] });
    assert!(matches!(result, Err(EngineError::Length { .. })), "{result:?}");
    assert!(done.iter().all(|n| n.load(Ordering::Relaxed) == 0));
}
