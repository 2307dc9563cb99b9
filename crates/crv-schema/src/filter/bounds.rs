//! [`BoundFilter::may_hold`]: whether a filter can be true of any row, by what is known about their values.

use std::cmp::Ordering;

use super::bind::{BoundComparison, BoundFilter, Kind};
use super::rows::{order_bool, order_float, order_int, order_text};
use super::{Literal, Node, Operator, Test};

/// What is known about the values of a column in some rows.
#[derive(Clone, Debug, PartialEq)]
pub enum Bounds {
    /// Nothing.
    Unknown,
    /// All are null.
    Null,
    /// Every value that is neither null nor NaN is between these two, both included. Days, times and instants are
    /// integers. The bounds of texts need not occur.
    Between(Literal, Literal),
}

/// Whether a condition can be true of any row, and whether it can be false.
#[derive(Clone, Copy)]
struct May {
    hold: bool,
    fail: bool,
}

impl BoundFilter {
    /// Returns whether the filter can be true of any row. `bounds` tells what is known about a column, or about a field of its
    /// structs, by the names on the way to it.
    pub fn may_hold(&self, mut bounds: impl FnMut(&[String]) -> Bounds) -> bool {
        may(&self.0, &mut bounds).hold
    }
}

fn may(node: &Node<BoundComparison>, bounds: &mut impl FnMut(&[String]) -> Bounds) -> May {
    match node {
        Node::Is(comparison) => compare(comparison, &bounds(&comparison.names)),
        Node::Not(node) => {
            let may = may(node, bounds);
            May { hold: may.fail, fail: may.hold }
        }
        Node::All(nodes) => nodes.iter().fold(May { hold: true, fail: false }, |all, node| {
            let one = may(node, bounds);
            May { hold: all.hold && one.hold, fail: all.fail || one.fail }
        }),
        Node::Any(nodes) => nodes.iter().fold(May { hold: false, fail: true }, |any, node| {
            let one = may(node, bounds);
            May { hold: any.hold || one.hold, fail: any.fail && one.fail }
        }),
    }
}

fn compare(comparison: &BoundComparison, bounds: &Bounds) -> May {
    const UNKNOWN: May = May { hold: true, fail: true };
    let (min, max) = match (bounds, &comparison.test) {
        (Bounds::Null, Test::Null) => return May { hold: true, fail: false },
        (Bounds::Null, _) => return May { hold: false, fail: false },
        (Bounds::Unknown, _) | (_, Test::Null) => return UNKNOWN,
        (Bounds::Between(min, max), _) => (min, max),
    };
    let orders = |with: &Literal| order(min, with).zip(order(max, with));
    match &comparison.test {
        Test::Null => UNKNOWN,
        Test::In(values) => {
            let found = |with| orders(with).is_none_or(|orders| may_be(Operator::Equal, orders));
            May { hold: values.iter().any(found), fail: true }
        }
        Test::Compare(operator, with) => {
            let Some(orders) = orders(with) else { return UNKNOWN };
            // NaN, and texts that are not as short as their bounds.
            let has_others = matches!(comparison.kind, Kind::Float | Kind::Text | Kind::Decimal);
            let hold = may_be(*operator, orders) || has_others && *operator == Operator::NotEqual;
            May { hold, fail: has_others || may_be(opposite(*operator), orders) }
        }
    }
}

/// Whether `operator` can hold for a value between two whose orders to a literal are known.
fn may_be(operator: Operator, (min, max): (Ordering, Ordering)) -> bool {
    match operator {
        Operator::Equal => min.is_le() && max.is_ge(),
        Operator::NotEqual => min.is_ne() || max.is_ne(),
        Operator::Less => min.is_lt(),
        Operator::LessOrEqual => min.is_le(),
        Operator::Greater => max.is_gt(),
        Operator::GreaterOrEqual => max.is_ge(),
    }
}

const fn opposite(operator: Operator) -> Operator {
    match operator {
        Operator::Equal => Operator::NotEqual,
        Operator::NotEqual => Operator::Equal,
        Operator::Less => Operator::GreaterOrEqual,
        Operator::LessOrEqual => Operator::Greater,
        Operator::Greater => Operator::LessOrEqual,
        Operator::GreaterOrEqual => Operator::Less,
    }
}

fn order(bound: &Literal, with: &Literal) -> Option<Ordering> {
    match bound {
        Literal::Int(value) => order_int(*value, with),
        Literal::Float(value) => order_float(*value, with),
        Literal::Text(text) => order_text(text, with),
        Literal::Bool(value) => order_bool(*value, with),
    }
}
