//! The grammar of actions, observations and patches: an EBNF text, and a reader of such texts.
//!
//! [`EBNF_GRAMMAR`] is the text of the file. [`parsed_grammar`] is the parsed grammar; it has been checked that its
//! `action_request` lists every [`ActionKind`](super::ActionKind) and its `patch_edit` every
//! [`PatchOp`](super::PatchOp). The grammar describes texts; nothing here parses texts *of* the grammar.
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
//! comments. It differs from the standard as follows:
//!
//! - A name may hold underscores, and holds no blanks: where a comma is missing, that is an error.
//! - Quotes have no meaning in a comment, so an apostrophe there opens no terminal.
//! - Brackets may be nested at most 64 levels deep.

mod check;
mod parser;
mod productions;
mod tokens;

use std::sync::OnceLock;

pub use check::{START_PRODUCTIONS, check_grammar};
pub use productions::{ParsedGrammar, Production};

use crate::error::GrammarError;

/// The grammar: the text of `core.ebnf`.
///
/// ```
/// use crv_core::grammar::EBNF_GRAMMAR;
///
/// assert!(EBNF_GRAMMAR.contains("utterance = String ;"));
/// ```
pub const EBNF_GRAMMAR: &str = include_str!("../core.ebnf");

/// Returns the parsed [`EBNF_GRAMMAR`]. It is parsed and checked once.
///
/// # Errors
/// As [`load_grammar`]; never in a build that passed its tests.
pub fn parsed_grammar() -> Result<&'static ParsedGrammar<'static>, GrammarError> {
    static PARSED: OnceLock<Result<ParsedGrammar<'static>, GrammarError>> = OnceLock::new();
    PARSED.get_or_init(|| load_grammar(EBNF_GRAMMAR)).as_ref().map_err(Clone::clone)
}

/// Parses a replacement for [`EBNF_GRAMMAR`], and [checks](check_grammar) it.
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
