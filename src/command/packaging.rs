//! `kedge man` and `kedge completions`: what a package installs beside the program, printed by the program itself, so
//! that the two cannot differ.

use clap::{Arg, Command, builder::PossibleValue};
use clap_complete::{Shell, generate};
use clap_mangen::{
    Man,
    roff::{Inline, Roff, bold, roman},
};

/// The completions of the command line for a shell.
pub(super) fn completions(shell: Shell, mut command: Command) -> Vec<u8> {
    let mut script = Vec::new();
    generate(shell, &mut command, "kedge", &mut script);
    script
}

/// The manual page, `kedge(1)`. One page has every command: `clap_mangen` would point at a page for each.
pub(super) fn man(command: Command) -> std::io::Result<Vec<u8>> {
    let mut command = command.disable_help_subcommand(true);
    command.build();
    // A blank for the date: none is known that does not depend on when it was built, and an empty one moves the rest
    // up.
    let page = Man::new(command.clone()).date(" ").manual("Kedge");
    let mut text = Vec::new();
    page.render_title(&mut text)?;
    page.render_name_section(&mut text)?;
    page.render_synopsis_section(&mut text)?;
    page.render_description_section(&mut text)?;
    page.render_options_section(&mut text)?;
    let mut commands = Roff::new();
    commands.control("SH", ["COMMANDS"]);
    for inner in command.get_subcommands() {
        describe(inner, "kedge", &mut commands);
    }
    commands.control("SH", ["ENVIRONMENT"]);
    let environment = command.get_after_long_help().map(ToString::to_string).unwrap_or_default();
    for part in environment.split("\n\n") {
        if let Some(table) = part.strip_prefix("Environment:\n") {
            commands.control("nf", []);
            for line in table.lines() {
                commands.text([roman(line.trim_start())]);
            }
            commands.control("fi", []);
        } else {
            commands.control("PP", []);
            commands.text([roman(part)]);
        }
    }
    commands.to_writer(&mut text)?;
    Ok(text)
}

/// A command, or the commands in it: what does nothing by itself has no text of its own.
fn describe(command: &Command, before: &str, page: &mut Roff) {
    let name = format!("{before} {}", command.get_name());
    if command.has_subcommands() {
        for inner in command.get_subcommands() {
            describe(inner, &name, page);
        }
        return;
    }
    let arguments =
        || command.get_arguments().filter(|argument| !argument.is_global_set() && argument.get_id() != "help");
    page.control("TP", []);
    let mut head = vec![bold(name)];
    for argument in arguments() {
        let (before, behind) = if argument.is_required_set() { (" ", "") } else { (" [", "]") };
        head.push(roman(before));
        head.extend(shown(argument));
        head.push(roman(behind));
    }
    page.text(head);
    page.text([roman(command.get_about().map(ToString::to_string).unwrap_or_default())]);
    page.control("RS", []);
    for argument in arguments() {
        page.control("TP", []);
        page.text(shown(argument));
        let values = if argument.get_action().takes_values() { argument.get_possible_values() } else { Vec::new() };
        let values: Vec<&str> = values.iter().map(PossibleValue::get_name).collect();
        let values = if values.is_empty() { String::new() } else { format!(": {}", values.join(", ")) };
        page.text([roman(argument.get_help().map(ToString::to_string).unwrap_or_default() + &values)]);
    }
    page.control("RE", []);
}

/// How an argument is written.
fn shown(argument: &Arg) -> Vec<Inline> {
    let value = argument.get_value_names().unwrap_or_default().join(" ");
    match argument.get_long() {
        Some(long) if argument.get_action().takes_values() => {
            vec![bold(format!("--{long}")), roman(format!(" {value}"))]
        }
        Some(long) => vec![bold(format!("--{long}"))],
        None => vec![roman(value)],
    }
}
