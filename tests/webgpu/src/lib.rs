//! The package of `tests/browser.rs`, which runs in a browser: `tests/README.md` has the command.
