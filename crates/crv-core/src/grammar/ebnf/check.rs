//! The rules of CRV's grammar: it lists the vocabularies, and all its productions are reachable.

use super::productions::ParsedGrammar;
use crate::error::GrammarError;
use crate::grammar::{ActionKind, PatchOp};

/// The productions that a text can begin with.
pub const START_PRODUCTIONS: [&str; 3] = ["action_request", "observation_envelope", "representation_patch"];

/// Checks that a grammar lists the kinds of action and the patch operations, and that every production is reachable.
///
/// `action_request` has one alternative for each [`ActionKind`] and `patch_edit` one for each [`PatchOp`], in their
/// order: the production with the value as its name, which begins with the value as a terminal. So each edit in a text
/// begins with the full value, also where documentation abbreviates it to `set`, `adjust`, `decay` or `remove`.
///
/// # Errors
/// [`GrammarError::Ebnf`] with the position of the difference; [`GrammarError::UnknownProduction`] if one of
/// [`START_PRODUCTIONS`] or `patch_edit` is missing.
pub fn check_grammar(grammar: &ParsedGrammar<'_>) -> Result<(), GrammarError> {
    for name in START_PRODUCTIONS {
        grammar.production(name)?;
    }
    lists(grammar, "action_request", ActionKind::INFO.name, ActionKind::VALUES)?;
    lists(grammar, "patch_edit", PatchOp::INFO.name, PatchOp::VALUES)?;
    match grammar.unreachable_from(&START_PRODUCTIONS).first() {
        Some(name) => {
            let reason = format!("production `{name}` is unreachable\nhint: reference it, or remove it");
            Err(grammar.error_in(name, None, reason))
        }
        None => Ok(()),
    }
}

/// Checks that the alternatives of a production are exactly these values, in name and in leading terminal.
fn lists(
    grammar: &ParsedGrammar<'_>,
    name: &str,
    vocabulary: &str,
    values: &[&str],
) -> Result<(), GrammarError> {
    let production = grammar.production(name)?;
    let refuse = |place: usize, reason: String| {
        let hint = format!("hint: `{name}` lists the values of {vocabulary}, in their order");
        grammar.error_in(name, Some(place), format!("{reason}\n{hint}"))
    };
    for place in 0..values.len().max(production.alternatives.len()) {
        let reason = match (production.alternatives.get(place), values.get(place)) {
            (Some(found), Some(expected)) if found == expected => continue,
            (Some(found), Some(expected)) => format!("expected alternative `{expected}`, found `{found}`"),
            (Some(found), None) => format!("unexpected alternative `{found}`"),
            (None, Some(expected)) => format!("alternative `{expected}` is missing from `{name}`"),
            (None, None) => continue,
        };
        return Err(refuse(place, reason));
    }
    for (place, value) in values.iter().enumerate() {
        if grammar.production(value)?.leading_terminals != [*value] {
            return Err(refuse(
                place,
                format!("production `{value}` must begin with the terminal \"{value}\""),
            ));
        }
    }
    Ok(())
}
