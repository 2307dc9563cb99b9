//! What an agent holds of one token, and what it cost: weighted average cost.

/// A holding with its cost and the profit already taken.
#[derive(Debug, Clone, Default)]
pub(super) struct Position {
    pub(super) quantity: i64,
    pub(super) cost: f64,
    pub(super) realized: f64,
}

impl Position {
    /// A holding that was bought for `cost`.
    pub(super) fn bought(quantity: i64, cost: f64) -> Self {
        Position { quantity, cost, realized: 0.0 }
    }

    /// The average cost of one unit; nothing when nothing is held.
    pub(super) fn average_cost(&self) -> Option<f64> {
        (self.quantity > 0).then(|| self.cost / self.quantity as f64)
    }

    /// Takes in units that cost `cost` together.
    pub(super) fn take(&mut self, quantity: i64, cost: f64) {
        self.quantity += quantity;
        self.cost += cost;
    }

    /// Gives away units for `proceeds`; what that brings beyond their average cost is profit.
    pub(super) fn give(&mut self, quantity: i64, proceeds: f64) {
        let cost = self.average_cost().unwrap_or(0.0) * quantity as f64;
        self.quantity -= quantity;
        self.realized += proceeds - cost;
        // The last unit takes the rest of the cost with it, so that no rounding is left behind.
        self.cost = if self.quantity == 0 { 0.0 } else { self.cost - cost };
    }
}

#[cfg(test)]
mod tests {
    use super::Position;

    #[test]
    fn units_leave_at_the_average_cost_and_the_rest_is_profit() {
        let mut position = Position::bought(2, 20.0);
        position.take(2, 40.0);
        position.give(1, 25.0);
        assert_eq!(position.average_cost(), Some(15.0));
        assert_eq!((position.quantity, position.cost, position.realized), (3, 45.0, 10.0));
        position.give(3, 0.0);
        assert_eq!((position.quantity, position.cost, position.realized), (0, 0.0, -35.0));
        assert_eq!(position.average_cost(), None);
    }
}
