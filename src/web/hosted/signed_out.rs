//! The signed-out page: what the browser loads so that apps forget the person, what people read, and where
//! they go on to.

use axum::response::Response;
use minijinja::context;

use crate::web::page::Page;
use crate::web::request_context::RequestContext;
use crate::web::security_headers::{may_frame, may_run};

/// Goes on when the page and its frames have loaded, or will not. Where scripts do not run, the person
/// presses the page's button.
const ONWARDS: &str = "let \
    go=()=>location.replace(document.querySelector('link[rel=next]').href);\
    addEventListener('load',go);setTimeout(go,5000)";

/// The page that says that the person is signed out, with these frames, on the way to `next` if that is not
/// empty.
pub fn page(ctx: &RequestContext, frames: &[String], next: &str) -> Response {
    let page = framing(
        ctx.show(Page::SignedOut, &context! { frames => frames.to_vec(), next, script => ONWARDS }),
        frames,
    );
    if next.is_empty() { page } else { may_run(page, ONWARDS) }
}

/// `page`, which holds these frames.
pub fn framing(page: Response, frames: &[String]) -> Response {
    if frames.is_empty() { page } else { may_frame(page, frames.iter().map(String::as_str)) }
}
