//! [`ParsedGrammar`]: the productions of a grammar, and their leading terminals.

use std::collections::{BTreeMap, BTreeSet};

use super::parser::{Lead, Rule, parse};
use super::tokens::error_at;
use crate::error::GrammarError;
use crate::grammar::is_lower_snake;

/// The productions of an EBNF text, in its order. Names are unique, and every referenced name is defined.
///
/// ```
/// use crv_core::grammar::ebnf::ParsedGrammar;
///
/// let grammar = ParsedGrammar::parse(r#"
///     move = go | "stop" | { "wait" } ;   (* three alternatives *)
///     go = "go", "(", where, ")" ;
///     where = "here" | "there" ;
/// "#)?;
/// let production = grammar.production("move")?;
/// assert_eq!(production.expression, r#"go | "stop" | { "wait" }"#);
/// assert_eq!(production.alternatives, ["go", r#""stop""#, r#"{ "wait" }"#]);
/// assert_eq!(production.leading_terminals, ["go", "stop"]);
///
/// let error = ParsedGrammar::parse("move = go").unwrap_err();
/// assert_eq!(
///     error.to_string(),
///     "line 1, column 10 of the grammar: expected `,`, `|` or `;`, found the end of the text"
/// );
/// # Ok::<(), crv_core::error::GrammarError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ParsedGrammar<'a> {
    source: &'a str,
    rules: Vec<Rule<'a>>,
    productions: Vec<Production<'a>>,
    places: BTreeMap<&'a str, usize>,
}

/// A production: a name and its definition.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Production<'a> {
    /// The name that is defined.
    pub name: &'a str,
    /// The definition as it is written: without the `=` before it, the `;` after it and the gaps around it.
    pub expression: &'a str,
    /// The alternatives of the definition, as they are written. There is always at least one.
    pub alternatives: Vec<&'a str>,
    /// The terminals that the alternatives begin with, in their order, without quotes. For an alternative that begins
    /// with the name of a production, it is the terminal of that production, if that is not a choice. An alternative
    /// that begins with a choice, an optional part or a special sequence has none.
    pub leading_terminals: Vec<&'a str>,
}

impl<'a> ParsedGrammar<'a> {
    /// Parses a text in the notation of ISO/IEC 14977; [`ebnf`](super) lists the differences.
    ///
    /// # Errors
    /// [`GrammarError::Ebnf`]: the text is not a grammar, nests brackets deeper than 64, defines a name twice, or
    /// references a name that it does not define.
    pub fn parse(source: &'a str) -> Result<Self, GrammarError> {
        let rules = parse(source)?;
        let mut places = BTreeMap::new();
        for (place, rule) in rules.iter().enumerate() {
            if places.insert(rule.name, place).is_some() {
                let reason = format!("production `{}` is defined twice", rule.name);
                return Err(error_at(source, rule.offset, reason));
            }
        }
        for (name, offset) in rules.iter().flat_map(|rule| &rule.mentions) {
            if !places.contains_key(name) {
                return Err(error_at(source, *offset, format!("production `{name}` is not defined")));
            }
        }
        let production = |rule: &Rule<'a>| Production {
            name: rule.name,
            expression: rule.expression,
            alternatives: rule.alternatives.iter().map(|alternative| alternative.text).collect(),
            leading_terminals: rule
                .alternatives
                .iter()
                .filter_map(|alternative| leading_terminal(alternative.lead, &rules, &places))
                .collect(),
        };
        let productions = rules.iter().map(production).collect();
        Ok(Self { source, rules, productions, places })
    }

    /// Every production, in the order of the text.
    pub fn productions(&self) -> &[Production<'a>] {
        &self.productions
    }

    /// The production of this name.
    ///
    /// # Errors
    /// [`GrammarError::UnknownProduction`].
    pub fn production(&self, name: &str) -> Result<&Production<'a>, GrammarError> {
        self.places
            .get(name)
            .and_then(|place| self.productions.get(*place))
            .ok_or_else(|| GrammarError::UnknownProduction { name: name.to_owned() })
    }

    /// The [leading terminals](Production::leading_terminals) of a production that are lower_snake, in order,
    /// without repeats.
    ///
    /// # Errors
    /// [`GrammarError::UnknownProduction`].
    pub fn lower_snake_terminals(&self, name: &str) -> Result<Vec<&'a str>, GrammarError> {
        let mut seen = BTreeSet::new();
        let mut terminals = self.production(name)?.leading_terminals.clone();
        terminals.retain(|terminal| is_lower_snake(terminal) && seen.insert(*terminal));
        Ok(terminals)
    }

    /// The productions that are unreachable from these, in the order of the text.
    ///
    /// ```
    /// use crv_core::grammar::ebnf::ParsedGrammar;
    ///
    /// let grammar = ParsedGrammar::parse("a = [ b ] ; b = a ; c = b ;")?;
    /// assert_eq!(grammar.unreachable_from(&["a"]), ["c"]);
    /// assert!(grammar.unreachable_from(&["c"]).is_empty());
    /// # Ok::<(), crv_core::error::GrammarError>(())
    /// ```
    pub fn unreachable_from(&self, starts: &[&str]) -> Vec<&'a str> {
        let mut reached = BTreeSet::new();
        let mut open: Vec<usize> = starts.iter().filter_map(|name| self.places.get(name)).copied().collect();
        while let Some(place) = open.pop() {
            if let Some(rule) = self.rules.get(place)
                && reached.insert(place)
            {
                open.extend(rule.mentions.iter().filter_map(|(name, _)| self.places.get(name)));
            }
        }
        let left = self.rules.iter().enumerate().filter(|(place, _)| !reached.contains(place));
        left.map(|(_, rule)| rule.name).collect()
    }

    /// An error at the definition of a production, or at one of its alternatives.
    pub(super) fn error_in(&self, name: &str, alternative: Option<usize>, reason: String) -> GrammarError {
        let Some(rule) = self.places.get(name).and_then(|place| self.rules.get(*place)) else {
            return GrammarError::UnknownProduction { name: name.to_owned() };
        };
        let found = alternative.and_then(|place| rule.alternatives.get(place));
        error_at(self.source, found.map_or(rule.offset, |alternative| alternative.offset), reason)
    }
}

/// The terminal of this lead, resolved through productions.
fn leading_terminal<'a>(
    mut lead: Lead<'a>,
    rules: &[Rule<'a>],
    places: &BTreeMap<&'a str, usize>,
) -> Option<&'a str> {
    // At most as many steps as there are productions: more would be a cycle.
    for _ in 0..rules.len() {
        match lead {
            Lead::Terminal(text) => return Some(text),
            Lead::Open => return None,
            Lead::Production(name) => {
                let [only] = rules.get(*places.get(name)?)?.alternatives.as_slice() else { return None };
                lead = only.lead;
            }
        }
    }
    None
}
