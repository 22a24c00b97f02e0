//! `efficientecg man`: the manual page, made of what the help says.

use crate::args::command;
use crate::error::Failure;
use crate::out;
use clap::{Arg, Command};

pub(crate) fn run() -> Result<(), Failure> {
    let mut program = command();
    program.build();
    Ok(out::text(&page(&program))?)
}

/// The page in the macros of man(7).
fn page(program: &Command) -> String {
    let version = program.get_version().unwrap_or_default();
    let about = program.get_about().map(ToString::to_string).unwrap_or_default();
    let mut page =
        format!(".TH EFFICIENTECG 1 \"\" \"efficientecg {}\" \"User Commands\"\n", escape(version));
    page += &format!(".SH NAME\nefficientecg \\- {}\n", escape(&about));
    page += ".SH SYNOPSIS\n.B efficientecg\nCOMMAND [OPTIONS]\n.SH DESCRIPTION\n";
    for command in commands(program) {
        page += &format!(".TP\n.B {}\n{}\n", escape(command.get_name()), about_of(command));
    }
    for command in commands(program) {
        section(&mut page, program.get_name(), command);
    }
    if let Some(below) = program.get_after_help() {
        page += ".SH NOTES\n";
        page += &plain(&below.to_string());
    }
    page
}

/// A command, and those within it.
fn section(page: &mut String, before: &str, command: &Command) {
    let name = format!("{before} {}", command.get_name());
    *page += &format!(".SH {}\n{}\n", escape(&name).to_uppercase(), about_of(command));
    let usage = command.clone().render_usage().to_string();
    *page += &format!(".PP\n{}\n", escape(usage.trim_start_matches("Usage: ")));
    for arg in command.get_arguments().filter(|arg| !["help", "version"].contains(&arg.get_id().as_str())) {
        *page += &format!(".TP\n{}\n{}\n", head(arg), body(arg));
    }
    if let Some(below) = command.get_after_help() {
        *page += ".PP\n";
        *page += &plain(&below.to_string());
    }
    commands(command).for_each(|inner| section(page, &name, inner));
}

fn commands(of: &Command) -> impl Iterator<Item = &Command> {
    of.get_subcommands().filter(|command| command.get_name() != "help")
}

fn about_of(command: &Command) -> String {
    command.get_about().map_or_else(String::new, |about| line(&about.to_string()))
}

/// An option or argument with the names of its values.
fn head(arg: &Arg) -> String {
    let takes = arg.get_action().takes_values();
    let names = arg.get_value_names().filter(|_| takes).unwrap_or_default();
    let values: Vec<String> = names.iter().map(|name| format!("\\fI{}\\fR", escape(name))).collect();
    match arg.get_long() {
        Some(long) => format!("\\fB\\-\\-{}\\fR {}", escape(long), values.join(" ")).trim_end().to_owned(),
        None => values.join(" "),
    }
}

/// What it means, its values and the one that it has unless told.
fn body(arg: &Arg) -> String {
    let mut text = arg.get_help().map_or_else(String::new, |help| line(&help.to_string()));
    let values: Vec<String> = arg
        .get_possible_values()
        .iter()
        .filter(|_| arg.get_action().takes_values())
        .map(|value| match value.get_help() {
            Some(help) => format!("{} ({help})", value.get_name()),
            None => value.get_name().to_owned(),
        })
        .collect();
    if !values.is_empty() {
        text += &format!("\n.br\nOne of {}.", line(&values.join(", ")));
    }
    let defaults: Vec<&str> = arg.get_default_values().iter().filter_map(|value| value.to_str()).collect();
    if !defaults.is_empty() && arg.get_action().takes_values() {
        text += &format!("\n.br\nDefault: {}.", line(&defaults.join(", ")));
    }
    text
}

/// Lines as they stand.
fn plain(text: &str) -> String {
    let lines: String = text.lines().map(|text| line(text) + "\n").collect();
    format!(".nf\n{lines}.fi\n")
}

/// A line of text: one that begins with a dot or a quote would be a macro.
fn line(text: &str) -> String {
    let text = escape(text);
    if text.starts_with(['.', '\'']) { format!("\\&{text}") } else { text }
}

fn escape(text: &str) -> String {
    text.replace('\\', "\\e").replace('-', "\\-").replace('\n', " ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_is_no_macro() {
        assert_eq!(line(".hea \\x -y"), "\\&.hea \\ex \\-y");
        assert_eq!(plain("'a'\nb"), ".nf\n\\&'a'\nb\n.fi\n");
    }
}
