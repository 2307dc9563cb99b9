//! Finds fields by name where both sides usually have the same order.

use std::collections::HashMap;

/// Up to this length a linear search is faster than building a map.
const SHORT: usize = 16;

/// Finds names in a list of fields: first after the last hit, then in the whole list. A payload may have a field for
/// each token, so a map is used for long lists, to avoid a quadratic search.
pub struct Finder<'a, T> {
    items: &'a [T],
    name: fn(&T) -> &str,
    next: usize,
    map: Option<HashMap<&'a str, usize>>,
}

impl<'a, T> Finder<'a, T> {
    /// A finder of `items`, each known by its `name`.
    pub fn new(items: &'a [T], name: fn(&T) -> &str) -> Self {
        Finder { items, name, next: 0, map: None }
    }

    /// The index of the first item of that name.
    pub fn find(&mut self, wanted: &str) -> Option<usize> {
        let (items, name) = (self.items, self.name);
        let found = if items.get(self.next).is_some_and(|item| name(item) == wanted) {
            Some(self.next)
        } else if items.len() <= SHORT {
            items.iter().position(|item| name(item) == wanted)
        } else {
            let map = self.map.get_or_insert_with(|| {
                // In reverse, so that the first of two items with the same name wins.
                items.iter().enumerate().rev().map(|(at, item)| (name(item), at)).collect()
            });
            map.get(wanted).copied()
        };
        if let Some(at) = found {
            self.next = at + 1;
        }
        found
    }
}

/// The first name that occurs twice.
pub fn first_duplicate<'a>(names: impl ExactSizeIterator<Item = &'a str> + Clone) -> Option<&'a str> {
    if names.len() <= SHORT {
        let mut rest = names;
        while let Some(name) = rest.next() {
            if rest.clone().any(|other| other == name) {
                return Some(name);
            }
        }
        return None;
    }
    let mut seen = std::collections::HashSet::with_capacity(names.len());
    names.into_iter().find(|name| !seen.insert(*name))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn name(item: &String) -> &str {
        item
    }

    #[test]
    fn every_name_is_found_in_any_order_in_short_and_long_lists() {
        for len in [0_usize, 1, 3, 16, 17, 300] {
            let items: Vec<String> = (0..len).map(|n| format!("f{n}")).collect();
            let mut finder = Finder::new(&items, name);
            for n in (0..len).rev().chain(0..len) {
                assert_eq!(finder.find(&format!("f{n}")), Some(n));
            }
            assert_eq!(finder.find("absent"), None);
        }
    }

    #[test]
    fn a_name_given_twice_is_found_in_short_and_long_lists() {
        for len in [2_usize, 40] {
            let mut items: Vec<String> = (0..len).map(|n| format!("f{n}")).collect();
            assert_eq!(first_duplicate(items.iter().map(String::as_str)), None);
            items.push("f1".to_owned());
            assert_eq!(first_duplicate(items.iter().map(String::as_str)), Some("f1"));
        }
    }
}
