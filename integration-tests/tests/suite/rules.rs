//! What the project holds itself to: the architecture, the style, and documents that say what the files say.

mod documents;
mod methods;
mod prose;
mod tidy;
