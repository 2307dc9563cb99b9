//! Text to [`Filter`].
//!
//! ```text
//! any        = all { "or" all }
//! all        = not { "and" not }
//! not        = "not" not | "(" any ")" | comparison
//! comparison = name ( operator literal | [ "not" ] "in" "(" literal { "," literal } ")" | "is" [ "not" ] "null" )
//! operator   = "=" | "==" | "!=" | "<>" | "<" | "<=" | ">" | ">="
//! literal    = number | text in '…' or "…" | "true" | "false"
//! name       = letters, digits, `_`, `.`, `[]` and `-` | any text in `…`
//! ```
//!
//! Words may be in upper case. A quote within a text is written twice.

use std::fmt;

use super::{Comparison, Filter, FilterError, Literal, Node, Operator, Test};

/// How deeply conditions may be nested.
const MAX_DEPTH: usize = 64;

const WORDS: [&str; 8] = ["and", "or", "not", "in", "is", "null", "true", "false"];

pub(super) fn parse(text: &str) -> Result<Filter, FilterError> {
    let mut parser = Parser { rest: text.trim_end(), depth: 0 };
    let node = parser.any()?;
    parser.blanks();
    if parser.rest.is_empty() { Ok(Filter(node)) } else { Err(parser.expected("`and`, `or` or the end")) }
}

/// Writes a column's name as it is parsed.
pub(super) fn write_name(f: &mut fmt::Formatter<'_>, name: &str) -> fmt::Result {
    if name_length(name) == name.len() && !is_word(name) {
        f.write_str(name)
    } else {
        write!(f, "`{}`", name.replace('`', "``"))
    }
}

fn is_word(text: &str) -> bool {
    WORDS.iter().any(|word| word.eq_ignore_ascii_case(text))
}

/// The length of the plain name at the beginning of `text`.
fn name_length(text: &str) -> usize {
    if !text.starts_with(|first: char| first.is_alphabetic() || first == '_') {
        return 0;
    }
    let end = |c: char| !(c.is_alphanumeric() || matches!(c, '_' | '.' | '-' | '[' | ']'));
    text.find(end).unwrap_or(text.len())
}

struct Parser<'a> {
    rest: &'a str,
    depth: usize,
}

impl Parser<'_> {
    fn blanks(&mut self) {
        self.rest = self.rest.trim_start();
    }

    fn expected(&self, expected: &'static str) -> FilterError {
        let at = match self.rest.char_indices().nth(24) {
            _ if self.rest.is_empty() => "the end".to_owned(),
            Some((end, _)) => format!("{}…", self.rest.get(..end).unwrap_or_default()),
            None => self.rest.to_owned(),
        };
        FilterError::Syntax { at, expected }
    }

    /// Takes `symbol`, if it comes next.
    fn symbol(&mut self, symbol: &str) -> bool {
        self.blanks();
        let rest = self.rest.strip_prefix(symbol);
        self.rest = rest.unwrap_or(self.rest);
        rest.is_some()
    }

    /// Takes `word`, if it comes next.
    fn word(&mut self, word: &str) -> bool {
        self.blanks();
        let (next, rest) = self.rest.split_at(name_length(self.rest));
        let found = next.eq_ignore_ascii_case(word);
        if found {
            self.rest = rest;
        }
        found
    }

    fn any(&mut self) -> Result<Node<Comparison>, FilterError> {
        let mut nodes = vec![self.all()?];
        while self.word("or") {
            nodes.push(self.all()?);
        }
        Ok(one_or(nodes, Node::Any))
    }

    fn all(&mut self) -> Result<Node<Comparison>, FilterError> {
        let mut nodes = vec![self.not()?];
        while self.word("and") {
            nodes.push(self.not()?);
        }
        Ok(one_or(nodes, Node::All))
    }

    fn not(&mut self) -> Result<Node<Comparison>, FilterError> {
        self.depth += 1;
        if self.depth > MAX_DEPTH {
            return Err(FilterError::TooDeep { limit: MAX_DEPTH });
        }
        let node = if self.word("not") {
            Node::Not(Box::new(self.not()?))
        } else if self.symbol("(") {
            let node = self.any()?;
            if !self.symbol(")") {
                return Err(self.expected("`)`"));
            }
            node
        } else {
            self.comparison()?
        };
        self.depth -= 1;
        Ok(node)
    }

    fn comparison(&mut self) -> Result<Node<Comparison>, FilterError> {
        let column = self.name()?;
        if self.word("is") {
            let not = self.word("not");
            if !self.word("null") {
                return Err(self.expected("`null`"));
            }
            return Ok(negated(not, Node::Is(Comparison { column, test: Test::Null })));
        }
        let not = self.word("not");
        if self.word("in") {
            let values = self.values(&column)?;
            return Ok(negated(not, Node::Is(Comparison { column, test: Test::In(values) })));
        }
        if not {
            return Err(self.expected("`in`"));
        }
        let operator = self.operator()?;
        let test = Test::Compare(operator, self.literal(&column)?);
        Ok(Node::Is(Comparison { column, test }))
    }

    fn values(&mut self, column: &str) -> Result<Vec<Literal>, FilterError> {
        if !self.symbol("(") {
            return Err(self.expected("`(`"));
        }
        let mut values = vec![self.literal(column)?];
        while self.symbol(",") {
            values.push(self.literal(column)?);
        }
        if self.symbol(")") { Ok(values) } else { Err(self.expected("`,` or `)`")) }
    }

    fn name(&mut self) -> Result<String, FilterError> {
        self.blanks();
        if self.rest.starts_with('`') {
            return self.quoted('`');
        }
        let (name, rest) = self.rest.split_at(name_length(self.rest));
        if name.is_empty() || is_word(name) {
            return Err(self.expected("the name of a column"));
        }
        self.rest = rest;
        Ok(name.to_owned())
    }

    /// The text between two quotes.
    fn quoted(&mut self, quote: char) -> Result<String, FilterError> {
        let mut text = String::new();
        let mut rest = self.rest.get(1..).unwrap_or_default();
        loop {
            let Some((before, after)) = rest.split_once(quote) else {
                return Err(FilterError::Quote { quote });
            };
            text.push_str(before);
            let Some(more) = after.strip_prefix(quote) else {
                self.rest = after;
                return Ok(text);
            };
            text.push(quote);
            rest = more;
        }
    }

    fn operator(&mut self) -> Result<Operator, FilterError> {
        use Operator::{Equal, Greater, GreaterOrEqual, Less, LessOrEqual, NotEqual};
        // The longer ones first.
        let operators = [
            ("==", Equal),
            ("!=", NotEqual),
            ("<>", NotEqual),
            ("<=", LessOrEqual),
            (">=", GreaterOrEqual),
            ("=", Equal),
            ("<", Less),
            (">", Greater),
        ];
        let found = operators.into_iter().find(|(symbol, _)| self.symbol(symbol));
        found.map(|(_, operator)| operator).ok_or_else(|| self.expected("a comparison, such as `=` or `<`"))
    }

    fn literal(&mut self, column: &str) -> Result<Literal, FilterError> {
        self.blanks();
        if let Some(quote) = self.rest.chars().next().filter(|first| matches!(first, '"' | '\'')) {
            return self.quoted(quote).map(Literal::Text);
        }
        for (word, value) in [("true", true), ("false", false)] {
            if self.word(word) {
                return Ok(Literal::Bool(value));
            }
        }
        if self.word("null") {
            return Err(FilterError::Null { column: column.to_owned() });
        }
        self.number()
    }

    fn number(&mut self) -> Result<Literal, FilterError> {
        let unsigned = self.rest.strip_prefix(['-', '+']).unwrap_or(self.rest);
        let is_number = unsigned.starts_with(|c: char| c.is_ascii_digit() || c == '.')
            || unsigned.get(..3).is_some_and(|word| word.eq_ignore_ascii_case("inf"));
        if !is_number {
            return Err(self.expected("a number, a text in quotes, `true` or `false`"));
        }
        let mut end = self.rest.len() - unsigned.len();
        let mut last = '0';
        for c in unsigned.chars() {
            let is_sign = matches!(c, '-' | '+') && matches!(last, 'e' | 'E');
            if !(c.is_alphanumeric() || matches!(c, '.' | '_') || is_sign) {
                break;
            }
            end += c.len_utf8();
            last = c;
        }
        let (number, rest) = self.rest.split_at(end);
        self.rest = rest;
        let plain = number.replace('_', "");
        if let Ok(value) = plain.parse() {
            return Ok(Literal::Int(value));
        }
        let float = plain.parse().ok().filter(|value: &f64| !value.is_nan());
        float.map(Literal::Float).ok_or_else(|| FilterError::Number { number: number.to_owned() })
    }
}

fn negated(not: bool, node: Node<Comparison>) -> Node<Comparison> {
    if not { Node::Not(Box::new(node)) } else { node }
}

fn one_or(
    mut nodes: Vec<Node<Comparison>>,
    many: fn(Vec<Node<Comparison>>) -> Node<Comparison>,
) -> Node<Comparison> {
    match (nodes.pop(), nodes.is_empty()) {
        (Some(only), true) => only,
        (last, _) => {
            nodes.extend(last);
            many(nodes)
        }
    }
}
