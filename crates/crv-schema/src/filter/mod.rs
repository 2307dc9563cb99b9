//! [`Filter`]: a condition on rows, such as `density > 0.5 and status = "failed"`.
//!
//! A comparison with a null, or with a float that is NaN, is not true; `!=` is true of NaN. Integers, floats and decimals
//! are compared by value. Days, times and instants are written as texts: `created_at >= "2026-01-31"`.
//!
//! ```
//! use crv_schema::filter::Filter;
//!
//! let filter: Filter = "density > 0.5 and status in (\"failed\", \"stale\")".parse()?;
//! assert_eq!(filter.columns(), ["density", "status"]);
//! # Ok::<(), crv_schema::filter::FilterError>(())
//! ```

mod bind;
mod bounds;
mod error;
mod literal;
mod parse;
mod rows;
#[cfg(test)]
mod tests;

use std::cmp::Ordering;
use std::fmt;
use std::str::FromStr;

pub use bind::BoundFilter;
pub use bounds::Bounds;
pub use error::FilterError;
pub use literal::Literal;

/// A condition on rows. Columns are known by name only: [`bind`](Self::bind) it to a schema to apply it.
#[derive(Clone, Debug, PartialEq)]
pub struct Filter(Node<Comparison>);

/// A condition of comparisons `C`.
#[derive(Clone, Debug, PartialEq)]
enum Node<C> {
    Is(C),
    All(Vec<Node<C>>),
    Any(Vec<Node<C>>),
    Not(Box<Node<C>>),
}

/// What is asked of one column.
#[derive(Clone, Debug, PartialEq)]
struct Comparison {
    column: String,
    test: Test<Literal>,
}

/// What is asked of a value.
#[derive(Clone, Debug, PartialEq)]
enum Test<V> {
    Null,
    Compare(Operator, V),
    In(Vec<V>),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Operator {
    Equal,
    NotEqual,
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
}

impl Operator {
    const fn as_str(self) -> &'static str {
        match self {
            Self::Equal => "=",
            Self::NotEqual => "!=",
            Self::Less => "<",
            Self::LessOrEqual => "<=",
            Self::Greater => ">",
            Self::GreaterOrEqual => ">=",
        }
    }

    /// Whether it holds for two values in this order; `None` if one of them is NaN.
    const fn holds(self, order: Option<Ordering>) -> bool {
        let Some(order) = order else { return matches!(self, Self::NotEqual) };
        match self {
            Self::Equal => order.is_eq(),
            Self::NotEqual => order.is_ne(),
            Self::Less => order.is_lt(),
            Self::LessOrEqual => order.is_le(),
            Self::Greater => order.is_gt(),
            Self::GreaterOrEqual => order.is_ge(),
        }
    }
}

impl<C> Node<C> {
    /// Calls `each` for every comparison, from left to right.
    fn visit<'a>(&'a self, each: &mut impl FnMut(&'a C)) {
        match self {
            Self::Is(comparison) => each(comparison),
            Self::All(nodes) | Self::Any(nodes) => nodes.iter().for_each(|node| node.visit(each)),
            Self::Not(node) => node.visit(each),
        }
    }

    /// The same condition of other comparisons.
    fn map<D, E>(&self, of: &mut impl FnMut(&C) -> Result<D, E>) -> Result<Node<D>, E> {
        let mut all = |nodes: &[Self]| nodes.iter().map(|node| node.map(of)).collect::<Result<_, E>>();
        Ok(match self {
            Self::All(nodes) => Node::All(all(nodes)?),
            Self::Any(nodes) => Node::Any(all(nodes)?),
            Self::Is(comparison) => Node::Is(of(comparison)?),
            Self::Not(node) => Node::Not(Box::new(node.map(of)?)),
        })
    }
}

impl Filter {
    /// The columns that it asks for, each once, in order of appearance.
    pub fn columns(&self) -> Vec<&str> {
        let mut columns: Vec<&str> = Vec::new();
        self.0.visit(&mut |comparison| {
            if !columns.contains(&comparison.column.as_str()) {
                columns.push(&comparison.column);
            }
        });
        columns
    }

    /// The same filter of other columns: `name` returns the new name of one that is to be renamed.
    #[must_use]
    pub fn renamed(&self, mut name: impl FnMut(&str) -> Option<String>) -> Self {
        let renamed = self.0.map(&mut |comparison: &Comparison| {
            let column = name(&comparison.column).unwrap_or_else(|| comparison.column.clone());
            Ok::<_, std::convert::Infallible>(Comparison { column, test: comparison.test.clone() })
        });
        match renamed {
            Ok(node) => Self(node),
        }
    }

    /// Rows for which both are true.
    #[must_use]
    pub fn and(self, other: Self) -> Self {
        Self(Node::All(vec![self.0, other.0]))
    }
}

impl FromStr for Filter {
    type Err = FilterError;

    fn from_str(text: &str) -> Result<Self, FilterError> {
        parse::parse(text)
    }
}

/// As it can be parsed again.
impl fmt::Display for Filter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl fmt::Display for Node<Comparison> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (nodes, word) = match self {
            Self::Is(comparison) => return comparison.fmt(f),
            Self::Not(node) => return write!(f, "not ({node})"),
            Self::All(nodes) => (nodes, " and "),
            Self::Any(nodes) => (nodes, " or "),
        };
        for (place, node) in nodes.iter().enumerate() {
            let before = if place == 0 { "" } else { word };
            match node {
                Self::Is(_) | Self::Not(_) => write!(f, "{before}{node}")?,
                Self::All(_) | Self::Any(_) => write!(f, "{before}({node})")?,
            }
        }
        Ok(())
    }
}

impl fmt::Display for Comparison {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        parse::write_name(f, &self.column)?;
        match &self.test {
            Test::Null => f.write_str(" is null"),
            Test::Compare(operator, value) => write!(f, " {} {value}", operator.as_str()),
            Test::In(values) => {
                f.write_str(" in (")?;
                for (place, value) in values.iter().enumerate() {
                    write!(f, "{}{value}", if place == 0 { "" } else { ", " })?;
                }
                f.write_str(")")
            }
        }
    }
}
