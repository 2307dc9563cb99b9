//! The symbols of ISO/IEC 14977, with their positions in the text.

use crate::error::GrammarError;

/// The characters that the standard allows between symbols.
const GAPS: [char; 6] = [' ', '\t', '\n', '\r', '\u{b}', '\u{c}'];

/// How many characters of the text a message shows.
const EXCERPT: usize = 40;

/// The symbols with a fixed spelling; if one is a prefix of another, the longer is first.
const FIXED: [(&str, Symbol<'static>); 19] = [
    ("(/", Symbol::Open(Bracket::Option)),
    ("/)", Symbol::Close(Bracket::Option)),
    ("(:", Symbol::Open(Bracket::Repetition)),
    (":)", Symbol::Close(Bracket::Repetition)),
    ("[", Symbol::Open(Bracket::Option)),
    ("]", Symbol::Close(Bracket::Option)),
    ("{", Symbol::Open(Bracket::Repetition)),
    ("}", Symbol::Close(Bracket::Repetition)),
    ("(", Symbol::Open(Bracket::Group)),
    (")", Symbol::Close(Bracket::Group)),
    ("=", Symbol::Defines),
    (",", Symbol::Comma),
    ("|", Symbol::Or),
    ("/", Symbol::Or),
    ("!", Symbol::Or),
    (";", Symbol::End),
    (".", Symbol::End),
    ("-", Symbol::Except),
    ("*", Symbol::Times),
];

/// The kind of bracket around a part of a definition.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Bracket {
    Group,
    Option,
    Repetition,
}

/// A symbol, independent of its spelling.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Symbol<'a> {
    Name,
    /// The text between the quotes.
    Terminal(&'a str),
    Special,
    Integer(u32),
    Open(Bracket),
    Close(Bracket),
    Defines,
    Comma,
    Or,
    End,
    Except,
    Times,
}

/// A symbol in the text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Token<'a> {
    pub(super) symbol: Symbol<'a>,
    pub(super) text: &'a str,
    /// Where it begins, in bytes.
    pub(super) offset: usize,
}

impl Token<'_> {
    /// Where it ends, in bytes.
    pub(super) fn end(&self) -> usize {
        self.offset + self.text.len()
    }
}

/// Every symbol of the text, in order; gaps and comments are left out.
pub(super) fn tokenize(source: &str) -> Result<Vec<Token<'_>>, GrammarError> {
    let mut tokens = Vec::new();
    let mut rest = source.trim_start_matches(GAPS);
    while !rest.is_empty() {
        let offset = source.len() - rest.len();
        let refuse = |reason| error_at(source, offset, reason);
        let length = if rest.starts_with("(*") {
            comment(rest).ok_or_else(|| refuse("this comment is not closed: expected `*)`".to_owned()))?
        } else {
            let (symbol, length) = symbol(rest).map_err(refuse)?;
            let text = rest.get(..length).unwrap_or_default();
            tokens.push(Token { symbol, text, offset });
            length
        };
        rest = rest.get(length..).unwrap_or_default().trim_start_matches(GAPS);
    }
    Ok(tokens)
}

/// The symbol that `rest` begins with, and its length in bytes.
fn symbol(rest: &str) -> Result<(Symbol<'_>, usize), String> {
    for quote in ['"', '\''] {
        if let Some(text) = quoted(rest, quote, "terminal")? {
            return Ok((Symbol::Terminal(text), text.len() + 2));
        }
    }
    if let Some(text) = quoted(rest, '?', "special sequence")? {
        return Ok((Symbol::Special, text.len() + 2));
    }
    if rest.starts_with("*)") {
        return Err("`*)` without an open comment".to_owned());
    }
    if let Some((text, symbol)) = FIXED.iter().find(|(text, _)| rest.starts_with(text)) {
        return Ok((*symbol, text.len()));
    }
    if rest.starts_with(|first: char| first.is_ascii_alphabetic()) {
        let inside = |letter: char| letter.is_ascii_alphanumeric() || letter == '_';
        return Ok((Symbol::Name, rest.find(|letter| !inside(letter)).unwrap_or(rest.len())));
    }
    let digits = rest.find(|digit: char| !digit.is_ascii_digit()).unwrap_or(rest.len());
    match rest.get(..digits) {
        Some(number) if digits > 0 => match number.parse() {
            Ok(count) => Ok((Symbol::Integer(count), digits)),
            Err(_) => Err(format!("the number `{}` is too large", excerpt(number))),
        },
        _ => Err(format!("unexpected character {:?}", rest.chars().next().unwrap_or_default())),
    }
}

/// The text between two `quote`s, if `rest` begins with one. It must not be empty, and must be on one line.
fn quoted<'a>(rest: &'a str, quote: char, what: &str) -> Result<Option<&'a str>, String> {
    let Some(inside) = rest.strip_prefix(quote) else { return Ok(None) };
    match inside.find([quote, '\n', '\r']) {
        Some(0) if inside.starts_with(quote) => Err(format!("a {what} cannot be empty")),
        Some(end) if inside.get(end..).is_some_and(|tail| tail.starts_with(quote)) => Ok(inside.get(..end)),
        _ => Err(format!("this {what} is not closed on its line: expected `{quote}`")),
    }
}

/// The length of the comment that `rest` begins with, and of those within it, if it is closed.
fn comment(rest: &str) -> Option<usize> {
    let mut open = 0_usize;
    let mut at = 0;
    loop {
        let tail = rest.get(at..)?;
        if tail.starts_with("(*") {
            open += 1;
            at += 2;
        } else if tail.starts_with("*)") {
            open = open.saturating_sub(1);
            at += 2;
            if open == 0 {
                return Some(at);
            }
        } else {
            at += tail.chars().next()?.len_utf8();
        }
    }
}

/// An error with this reason, at the line and column of a byte of the text.
pub(super) fn error_at(source: &str, offset: usize, reason: String) -> GrammarError {
    let before = source.get(..offset).unwrap_or(source);
    let line = before.rsplit('\n').next().unwrap_or_default();
    GrammarError::Ebnf { line: before.matches('\n').count() + 1, column: line.chars().count() + 1, reason }
}

/// The beginning of a text, for messages.
pub(super) fn excerpt(text: &str) -> String {
    match text.char_indices().nth(EXCERPT) {
        Some((end, _)) => format!("{}…", text.get(..end).unwrap_or_default()),
        None => text.to_owned(),
    }
}
