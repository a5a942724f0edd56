//! The task board, a web application that the program carries if it was built before the program.

use converge_server::Page;
use rust_embed::Embed;

/// The built files of `examples/web`.
#[derive(Embed)]
#[folder = "../../examples/web/dist"]
#[allow_missing = true]
struct Board;

/// Returns the files. There are none if the program was built without npm.
pub(crate) fn board() -> Vec<Page> {
    let file = |path: std::borrow::Cow<'static, str>| Some(Page::new(path.clone(), Board::get(&path)?.data));
    Board::iter().filter_map(file).collect()
}
