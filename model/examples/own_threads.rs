//! Runs on threads that are the caller's: the library starts none. Several models share the pool.
//!
//! `cargo run --release --example own_threads`

use efficientecg::{Inputs, Model, Pool};
use std::sync::Arc;

const THREADS: usize = 3;

/// Calls `work` on all threads at once and returns when all are done. With rayon: `threads.broadcast(|_| work())`.
fn lend(work: &(dyn Fn() + Sync)) {
    std::thread::scope(|scope| {
        for _ in 1..THREADS {
            scope.spawn(work);
        }
        work();
    });
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let pool = Arc::new(Pool::lent(THREADS, lend));
    let options = Model::builder().pool(pool);
    for name in ["mitbih-beats", "cinc2017-rhythm"] {
        let model = options.builtin(name)?;
        let inputs = Inputs::synthetic(model.config(), 720, 4);
        let shared = model.run(&inputs)?;

        // However many threads there are, the results are the same to the last bit.
        let alone = Model::builder().threads(1).builtin(name)?.run(&inputs)?;
        println!("{name} on {}: the same as alone: {}", model.device(), shared == alone);
    }
    Ok(())
}
