//! Joins several errors into one.

use crate::error::{Error, ErrorKind};

/// Errors whose text is included in full.
const TOLD: usize = 8;

/// Joins errors into one, with their texts and hints. `what` names what failed. Returns `None` if there are no errors;
/// a single one is returned unchanged.
///
/// An unknown outcome comes first: if there is one, the joined error has its kind and its commit.
pub(crate) fn together(what: &str, mut errors: Vec<Error>) -> Option<Error> {
    if errors.len() < 2 {
        return errors.pop();
    }
    let unknown = errors.iter().position(|error| error.kind() == ErrorKind::UnknownOutcome);
    errors.swap(0, unknown.unwrap_or(0));
    let mut text: Vec<String> = errors.iter().take(TOLD).map(ToString::to_string).collect();
    if errors.len() > TOLD {
        text.push(format!("and {} more", errors.len() - TOLD));
    }
    let mut hints: Vec<&str> = Vec::new();
    for hint in errors.iter().filter_map(Error::hint) {
        if !hints.contains(&hint) {
            hints.push(hint);
        }
    }
    let text = format!("{} {what}: {}", errors.len(), text.join("; "));
    let hint = (!hints.is_empty()).then(|| hints.join("; "));
    let first = errors.swap_remove(0);
    let commit = first.commit().map(|(number, id)| (number, id.to_owned()));
    let mut error = Error::new(first.kind(), text).with_source(first);
    if let Some((number, id)) = commit {
        error = error.with_commit(number, id);
    }
    Some(match hint {
        Some(hint) => error.with_hint(hint),
        None => error,
    })
}

#[cfg(test)]
mod tests {
    use std::error::Error as _;

    use super::*;

    fn error(kind: ErrorKind, text: &str, hint: &str) -> Error {
        Error::new(kind, text).with_hint(hint).with_source(std::io::Error::other(text.to_owned()))
    }

    #[test]
    fn one_error_stays_as_it_is_and_none_is_none() {
        assert!(together("merges failed", Vec::new()).is_none());
        let one = together("merges failed", vec![error(ErrorKind::Read, "a", "h")]).unwrap();
        assert_eq!((one.to_string().as_str(), one.hint()), ("a", Some("h")));
        assert_eq!(one.source().unwrap().to_string(), "a");
    }

    #[test]
    fn several_errors_are_all_told_with_each_hint_once() {
        let errors = vec![
            error(ErrorKind::Read, "a", "restore it"),
            error(ErrorKind::Write, "b", "make room"),
            error(ErrorKind::Read, "c", "restore it"),
        ];
        let all = together("merges failed", errors).unwrap();
        assert_eq!(all.to_string(), "3 merges failed: a; b; c");
        assert_eq!((all.kind(), all.hint()), (ErrorKind::Read, Some("restore it; make room")));
        assert_eq!(all.source().unwrap().source().unwrap().to_string(), "a");
        let many = (0..10).map(|number| Error::new(ErrorKind::Read, number.to_string())).collect();
        let all = together("merges failed", many).unwrap();
        assert_eq!(all.to_string(), "10 merges failed: 0; 1; 2; 3; 4; 5; 6; 7; and 2 more");
        assert_eq!(all.hint(), None);
    }

    #[test]
    fn an_unknown_outcome_is_what_the_whole_is() {
        let unknown = Error::new(ErrorKind::UnknownOutcome, "b").with_commit(7, "x");
        let all = together("merges failed", vec![Error::new(ErrorKind::Read, "a"), unknown]).unwrap();
        assert_eq!((all.kind(), all.commit()), (ErrorKind::UnknownOutcome, Some((7, "x"))));
        assert_eq!(all.to_string(), "2 merges failed: b; a");
    }
}
