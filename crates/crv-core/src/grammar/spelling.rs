//! The lower_snake rule.

use super::EnumInfo;
use crate::error::GrammarError;

/// Returns whether the whole text is lower_snake: groups of `a-z0-9`, joined by single underscores.
///
/// ```
/// use crv_core::grammar::is_lower_snake;
///
/// assert!(is_lower_snake("acquire_token") && is_lower_snake("0") && is_lower_snake("a_2_b"));
/// for refused in ["", "_a", "a_", "a__b", "A", "a-b", "a b", "a\n", "é"] {
///     assert!(!is_lower_snake(refused), "{refused:?}");
/// }
/// ```
pub fn is_lower_snake(text: &str) -> bool {
    text.split('_').all(|group| {
        !group.is_empty() && group.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit())
    })
}

/// Refuses a text that is not [lower_snake](is_lower_snake); `what` names its use in the message.
///
/// # Errors
/// [`GrammarError::NotLowerSnake`].
pub fn assert_lower_snake(text: &str, what: &str) -> Result<(), GrammarError> {
    if is_lower_snake(text) {
        Ok(())
    } else {
        Err(GrammarError::NotLowerSnake { what: what.to_owned(), value: text.to_owned() })
    }
}

/// Refuses a list of enums if any value in it is not lower_snake.
///
/// # Errors
/// [`GrammarError::NotLowerSnake`], naming the enum, the member and its value.
pub fn ensure_all_enum_values_lower_snake(enums: &[EnumInfo]) -> Result<(), GrammarError> {
    enums
        .iter()
        .flat_map(|info| info.members.iter().map(move |(member, value)| (info.name, member, value)))
        .try_for_each(|(name, member, value)| assert_lower_snake(value, &format!("{name}.{member}")))
}
