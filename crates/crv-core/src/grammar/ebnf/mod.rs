//! The grammar of actions, observations and patches: an EBNF text, and a reader of such texts.
//!
//! [`EBNF_GRAMMAR`] is the text as it stands in the file. [`parsed_grammar`] is what it says, and has proven that its
//! `action_request` lists every [`ActionKind`](super::ActionKind) and its `patch_edit` every
//! [`PatchOp`](super::PatchOp). It describes what texts look like; nothing here reads texts *of* the grammar.
//!
//! ```
//! use crv_core::grammar::{ActionKind, parsed_grammar};
//!
//! let grammar = parsed_grammar()?;
//! let gift = grammar.production("gift_token")?;
//! assert_eq!(gift.leading_terminals, ["gift_token"]);
//! assert_eq!(grammar.lower_snake_terminals("action_request")?, ActionKind::VALUES);
//! assert_eq!(grammar.production("payload")?.alternatives, ["String", "Ident"]);
//! # Ok::<(), crv_core::error::GrammarError>(())
//! ```
//!
//! # The notation
//!
//! [`ParsedGrammar::parse`] reads ISO/IEC 14977, with its second spellings (`/` and `!` for `|`, `.` for `;`, `(/ /)` for
//! `[ ]`, `(: :)` for `{ }`), exceptions (`a - b`), counts (`3 * a`), empty parts, special sequences and comments within
//! comments. It differs from the standard in this:
//!
//! - A name may hold underscores, and holds no blanks: where a comma is missing, that is an error.
//! - Quotes mean nothing within a comment, so an apostrophe there opens no terminal.
//! - Brackets nest at most 64 deep.

mod check;
mod parser;
mod productions;
mod tokens;

use std::sync::OnceLock;

pub use check::{START_PRODUCTIONS, check_grammar};
pub use productions::{ParsedGrammar, Production};

use crate::error::GrammarError;

/// The grammar, word for word as it stands in `core.ebnf`.
///
/// ```
/// use crv_core::grammar::EBNF_GRAMMAR;
///
/// assert!(EBNF_GRAMMAR.contains("utterance = String ;"));
/// ```
pub const EBNF_GRAMMAR: &str = include_str!("../core.ebnf");

/// What [`EBNF_GRAMMAR`] says. It is read and checked once.
///
/// # Errors
/// As [`load_grammar`]; never for a build that passed its tests.
pub fn parsed_grammar() -> Result<&'static ParsedGrammar<'static>, GrammarError> {
    static PARSED: OnceLock<Result<ParsedGrammar<'static>, GrammarError>> = OnceLock::new();
    PARSED.get_or_init(|| load_grammar(EBNF_GRAMMAR)).as_ref().map_err(Clone::clone)
}

/// Reads a grammar that is to stand in for [`EBNF_GRAMMAR`], and [checks](check_grammar) it.
///
/// ```
/// use crv_core::grammar::EBNF_GRAMMAR;
/// use crv_core::grammar::ebnf::load_grammar;
///
/// let broken = EBNF_GRAMMAR.replace("  | gift_token\n", "");
/// let error = load_grammar(&broken).unwrap_err().to_string();
/// assert!(error.contains("expected alternative `gift_token`, found `send_chat_message`"), "{error}");
/// ```
///
/// # Errors
/// As [`ParsedGrammar::parse`] and [`check_grammar`].
pub fn load_grammar(source: &str) -> Result<ParsedGrammar<'_>, GrammarError> {
    let grammar = ParsedGrammar::parse(source)?;
    check_grammar(&grammar)?;
    Ok(grammar)
}

#[cfg(test)]
mod tests;
