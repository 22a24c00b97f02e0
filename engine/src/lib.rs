//! How operations run: plans, arenas, threads.
