//! Parsing a grammar, for `PARSED_GRAMMAR` of `crv.core.grammar`.

use crv_core::error::GrammarError;
use crv_core::grammar::ebnf;
use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;
use pyo3::types::PyType;

/// A production: name, expression, alternatives, leading terminals, and the lower_snake ones among those.
type Rule = (String, String, Vec<String>, Vec<String>, Vec<String>);

/// Parses a grammar, checks that it lists the same actions and patch operations as crv, and returns its productions.
#[pyfunction]
pub(crate) fn load_grammar(py: Python<'_>, text: &str) -> PyResult<Vec<Rule>> {
    py.detach(|| rules(text)).map_err(|error| refused(py, &error))
}

fn rules(text: &str) -> Result<Vec<Rule>, GrammarError> {
    let grammar = ebnf::load_grammar(text)?;
    let owned = |texts: &[&str]| texts.iter().map(ToString::to_string).collect();
    let rule = |it: &ebnf::Production<'_>| {
        let words = grammar.lower_snake_terminals(it.name)?;
        let (alternatives, leading) = (owned(&it.alternatives), owned(&it.leading_terminals));
        Ok((it.name.to_owned(), it.expression.to_owned(), alternatives, leading, owned(&words)))
    };
    grammar.productions().iter().map(rule).collect()
}

/// Makes the `GrammarError` of `crv.core.errors`; the errors of `crv.io` are for the store.
fn refused(py: Python<'_>, error: &GrammarError) -> PyErr {
    static CLASS: PyOnceLock<Py<PyType>> = PyOnceLock::new();
    match CLASS.import(py, "crv.core.errors", "GrammarError") {
        Ok(class) => PyErr::from_type(class.clone(), error.to_string()),
        Err(failure) => failure,
    }
}
