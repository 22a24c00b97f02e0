//! What the program says of itself: help, manual page, completions.

mod harness;

use harness::{fails, succeeds};

#[test]
fn everyday_options_come_first() {
    let help = succeeds(&["classify", "--help"]);
    let place = |word: &str| help.find(word).unwrap_or_else(|| panic!("no {word} in {help}"));
    let advanced = place("\nAdvanced options:\n");
    for option in ["--model", "--lead <", "--age", "--output", "--format", "--table", "--json", "--records"] {
        assert!(place(option) < advanced, "{option}");
    }
    for option in ["--backend", "--precision", "--batch", "--level", "--any-quality", "--rate", "--annotator"]
    {
        assert!(place(option) > advanced, "{option}");
    }
    assert!(place("\nExamples:\n") > advanced);
    assert!(help.contains("Exit codes: 0 success; 1 no record could be assessed; 2 bad input."));
}

#[test]
fn the_help_lists_exit_codes_and_examples_that_are_command_lines() {
    let all = succeeds(&["--help"]);
    for part in [
        "Exit codes:\n  0  success\n  1  a failed check",
        "  2  bad input",
        "Research only, not for diagnosis.",
    ] {
        assert!(all.contains(part), "no {part:?} in {all}");
    }
    let mut count = 0;
    let mut commands = vec![vec![], vec!["classify"]];
    if cfg!(feature = "formats") {
        commands.push(vec!["convert"]);
    }
    for command in commands {
        let help = succeeds(&[&command[..], &["--help"]].concat());
        for line in help.lines().filter_map(|line| line.strip_prefix("  efficientecg ")) {
            let words = std::iter::once("efficientecg").chain(line.split_whitespace());
            let words = words.map(|word| word.trim_matches('\''));
            efficientecg_cli::check_command_line(words).unwrap_or_else(|e| panic!("{line}: {e}"));
            count += 1;
        }
    }
    assert!(count >= 8, "{count}");
}

#[test]
fn nothing_is_coloured() {
    for args in [&["--help"][..], &["classify", "--help"], &["info"], &["man"]] {
        assert!(!succeeds(args).contains('\x1b'), "{args:?}");
    }
}

#[test]
fn completions_for_each_shell() {
    for (shell, part) in [
        ("bash", "complete -F _efficientecg"),
        ("zsh", "#compdef efficientecg"),
        ("fish", "complete -c efficientecg"),
        ("powershell", "Register-ArgumentCompleter"),
        ("elvish", "edit:completion"),
    ] {
        let script = succeeds(&["completions", shell]);
        assert!(script.contains(part) && script.contains("any-quality"), "{shell}");
    }
    fails(2, &["completions", "tcsh"], &["tcsh", "bash, elvish, fish"]);
}

#[test]
fn the_manual_page_has_every_command_and_option() {
    let page = succeeds(&["man"]);
    assert!(page.starts_with(".TH EFFICIENTECG 1 "), "{page:.60}");
    for part in [
        ".SH NAME\nefficientecg \\- ",
        ".SH EFFICIENTECG CLASSIFY\n",
        ".SH EFFICIENTECG EVALUATE BEATS\n",
        "\n.TP\n\\fB\\-\\-any\\-quality\\fR\n",
        "\n.TP\n\\fB\\-\\-lead\\fR \\fIMODEL=RECORD\\fR\n",
        "Default: csv.",
        "  2  bad input",
    ] {
        assert!(page.contains(part), "no {part:?} in {page}");
    }
    // No line is taken for a macro that is none.
    let macros = [".TH", ".SH", ".TP", ".PP", ".B", ".nf", ".fi", ".br"];
    for line in page.lines().filter(|line| line.starts_with(['.', '\''])) {
        assert!(macros.contains(&line.split(' ').next().unwrap_or_default()), "{line}");
    }
}
