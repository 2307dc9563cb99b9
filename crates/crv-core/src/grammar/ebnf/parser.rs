//! Parses symbols to productions: a recursive descent parser for ISO/IEC 14977.

use super::tokens::{Bracket, Symbol, Token, error_at, excerpt, tokenize};
use crate::error::GrammarError;

/// How deeply brackets may be nested. A recursive parser needs a limit; grammars for people stay far below it.
pub(super) const MAX_DEPTH: usize = 64;

/// The beginning of a part of a definition.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Lead<'a> {
    Terminal(&'a str),
    /// The beginning of this production.
    Production(&'a str),
    /// Not fixed: a choice, an optional part, a special sequence.
    Open,
}

/// One of the alternatives of a definition.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Alternative<'a> {
    pub(super) text: &'a str,
    pub(super) offset: usize,
    pub(super) lead: Lead<'a>,
}

/// A production in the text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Rule<'a> {
    pub(super) name: &'a str,
    pub(super) offset: usize,
    pub(super) expression: &'a str,
    pub(super) alternatives: Vec<Alternative<'a>>,
    /// The names that the definition references, each with its position.
    pub(super) mentions: Vec<(&'a str, usize)>,
}

/// Parses every production of the text, in order.
pub(super) fn parse(source: &str) -> Result<Vec<Rule<'_>>, GrammarError> {
    let tokens = tokenize(source)?;
    let mut parser = Parser { source, tokens, next: 0, depth: 0, mentions: Vec::new() };
    let mut rules = vec![parser.rule()?];
    while parser.peek().is_some() {
        rules.push(parser.rule()?);
    }
    Ok(rules)
}

struct Parser<'a> {
    source: &'a str,
    tokens: Vec<Token<'a>>,
    next: usize,
    depth: usize,
    mentions: Vec<(&'a str, usize)>,
}

impl<'a> Parser<'a> {
    /// `name = definition ;`
    fn rule(&mut self) -> Result<Rule<'a>, GrammarError> {
        let name = self.expect(Symbol::Name, "the name of a production")?;
        self.expect(Symbol::Defines, "`=`")?;
        let first = self.next;
        let alternatives = self.definition()?;
        let expression = self.text_since(first);
        self.expect(Symbol::End, "`,`, `|` or `;`")?;
        let mentions = std::mem::take(&mut self.mentions);
        Ok(Rule { name: name.text, offset: name.offset, expression, alternatives, mentions })
    }

    /// `alternative | alternative`
    fn definition(&mut self) -> Result<Vec<Alternative<'a>>, GrammarError> {
        let mut alternatives = vec![self.alternative()?];
        while self.take(Symbol::Or) {
            alternatives.push(self.alternative()?);
        }
        Ok(alternatives)
    }

    /// `term , term`
    fn alternative(&mut self) -> Result<Alternative<'a>, GrammarError> {
        let first = self.next;
        let offset = self.offset();
        let lead = self.term()?;
        while self.take(Symbol::Comma) {
            self.term()?;
        }
        Ok(Alternative { text: self.text_since(first), offset, lead })
    }

    /// `factor - factor`: the texts of the first, except those of the second.
    fn term(&mut self) -> Result<Lead<'a>, GrammarError> {
        let lead = self.factor()?;
        if self.take(Symbol::Except) {
            self.factor()?;
        }
        Ok(lead)
    }

    /// `3 * primary`
    fn factor(&mut self) -> Result<Lead<'a>, GrammarError> {
        let Some(Token { symbol: Symbol::Integer(count), .. }) = self.peek() else { return self.primary() };
        self.next += 1;
        self.expect(Symbol::Times, "`*` after the number")?;
        let lead = self.primary()?;
        Ok(if count == 0 { Lead::Open } else { lead })
    }

    /// A name, a terminal, a special sequence, something in brackets, or nothing.
    fn primary(&mut self) -> Result<Lead<'a>, GrammarError> {
        let Some(token) = self.peek() else { return Ok(Lead::Open) };
        let lead = match token.symbol {
            Symbol::Name => {
                self.mentions.push((token.text, token.offset));
                Lead::Production(token.text)
            }
            Symbol::Terminal(text) => Lead::Terminal(text),
            Symbol::Special => Lead::Open,
            Symbol::Open(bracket) => {
                self.next += 1;
                return self.bracketed(bracket, token);
            }
            // The standard allows empty parts. The caller refuses a symbol that cannot follow one.
            _ => return Ok(Lead::Open),
        };
        self.next += 1;
        Ok(lead)
    }

    fn bracketed(&mut self, bracket: Bracket, opening: Token<'a>) -> Result<Lead<'a>, GrammarError> {
        if self.depth == MAX_DEPTH {
            let reason = format!("brackets are nested deeper than {MAX_DEPTH}");
            return Err(error_at(self.source, opening.offset, reason));
        }
        self.depth += 1;
        let alternatives = self.definition()?;
        self.depth -= 1;
        let closing = match bracket {
            Bracket::Group => "`)`",
            Bracket::Option => "`]`",
            Bracket::Repetition => "`}`",
        };
        self.expect(Symbol::Close(bracket), &format!("`,`, `|` or {closing}"))?;
        Ok(match (bracket, alternatives.as_slice()) {
            (Bracket::Group, [only]) => only.lead,
            _ => Lead::Open,
        })
    }

    fn peek(&self) -> Option<Token<'a>> {
        self.tokens.get(self.next).copied()
    }

    fn take(&mut self, symbol: Symbol<'_>) -> bool {
        let found = self.peek().is_some_and(|token| token.symbol == symbol);
        self.next += usize::from(found);
        found
    }

    fn expect(&mut self, symbol: Symbol<'_>, expected: &str) -> Result<Token<'a>, GrammarError> {
        match self.peek() {
            Some(token) if token.symbol == symbol => {
                self.next += 1;
                Ok(token)
            }
            found => {
                let found = found.map_or_else(
                    || "the end of the text".to_owned(),
                    |token| format!("`{}`", excerpt(token.text)),
                );
                Err(error_at(self.source, self.offset(), format!("expected {expected}, found {found}")))
            }
        }
    }

    /// The position of the next symbol, or of the end of the text.
    fn offset(&self) -> usize {
        self.peek().map_or(self.source.len(), |token| token.offset)
    }

    /// The text from this symbol to the last one read.
    fn text_since(&self, first: usize) -> &'a str {
        match self.tokens.get(first..self.next) {
            Some([first, .., last]) => self.source.get(first.offset..last.end()).unwrap_or_default(),
            Some([only]) => only.text,
            _ => "",
        }
    }
}
