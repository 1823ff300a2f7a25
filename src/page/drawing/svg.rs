//! A picture and its layout as SVG. Colours come from the page's style sheet, by class.

use std::fmt::{Result, Write};

use super::layout::{LANE_GAP, Layout, Rect};
use super::{Kind, Picture};
use crate::page::files::escaped;

const LEGEND: &str = "Topology of the order job: topics, sources, processors with their stores, sinks. \
     주문 처리 토폴로지. The same as text is below.";

impl Kind {
    const fn class(self) -> &'static str {
        match self {
            Self::Topic => "topic",
            Self::Source => "source",
            Self::Processor => "processor",
            Self::Sink => "sink",
            Self::Store => "store",
        }
    }
}

pub(super) fn write(picture: &Picture, layout: &Layout) -> String {
    let mut svg = String::new();
    // Writing to a String cannot fail.
    let _ = write_all(&mut svg, picture, layout);
    svg
}

fn write_all(svg: &mut String, picture: &Picture, layout: &Layout) -> Result {
    let (width, height) = (layout.width.ceil(), layout.height.ceil());
    write!(
        svg,
        "<svg xmlns=\"http://www.w3.org/2000/svg\" class=\"topology\" role=\"img\" aria-label=\"{LEGEND}\" \
         width=\"{width}\" height=\"{height}\" viewBox=\"0 0 {width} {height}\">\
         <defs><marker id=\"arrow\" viewBox=\"0 0 8 8\" refX=\"7\" refY=\"4\" markerWidth=\"7\" markerHeight=\"7\" \
         orient=\"auto\"><path class=\"head\" d=\"M0 0.5 8 4 0 7.5z\"/></marker></defs>"
    )?;
    for (number, frame) in picture.groups.iter().zip(&layout.frames) {
        let Rect {
            x,
            y,
            width,
            height,
        } = frame;
        write!(
            svg,
            "<g class=\"group\"><rect x=\"{x:.1}\" y=\"{y:.1}\" width=\"{width:.1}\" height=\"{height:.1}\" rx=\"10\"/>\
             <text x=\"{:.1}\" y=\"{:.1}\">Sub-topology {number}</text></g>",
            x + 12.0,
            y + 17.0
        )?;
    }
    let place = |index: &usize| layout.boxes.get(*index).copied().unwrap_or_default();
    for (from, to) in picture.edges(true) {
        let (from, to) = (place(&from), place(&to));
        edge(
            svg,
            "edge",
            from,
            to,
            ((to.x - from.x - from.width) / 2.0).max(28.0),
        )?;
    }
    for (from, to) in picture.edges(false) {
        let group = picture.items.get(to).map_or(0, |item| item.group);
        let frame = layout.frames.get(group).copied().unwrap_or_default();
        crossing(svg, place(&from), place(&to), frame.y - LANE_GAP / 2.0)?;
    }
    for (from, to) in &picture.failures {
        // Down at once, then level below everything else.
        let (from, to) = (place(from), place(to));
        edge(svg, "edge failure", from, to, 22.0)?;
    }
    for (processor, store) in &picture.links {
        link(svg, place(processor), place(store))?;
    }
    for (item, place) in picture.items.iter().zip(&layout.boxes) {
        node(svg, item.kind, &item.name, place)?;
    }
    svg.write_str("</svg>")
}

/// From the right side of one box to the left side of another, level at both; the change of height takes twice `bend`.
fn edge(svg: &mut String, class: &str, from: Rect, to: Rect, bend: f64) -> Result {
    let (x1, y1, x2, y2) = (from.x + from.width, from.middle(), to.x, to.middle());
    let (half, level) = (x1 + bend, x1 + 2.0 * bend);
    write!(
        svg,
        "<path class=\"{class}\" marker-end=\"url(#arrow)\" \
         d=\"M{x1:.1} {y1:.1}C{half:.1} {y1:.1} {half:.1} {y2:.1} {level:.1} {y2:.1}L{x2:.1} {y2:.1}\"/>"
    )
}

/// From the bottom of one box to the top of another in a lane below, along the space between the lanes.
fn crossing(svg: &mut String, from: Rect, to: Rect, between: f64) -> Result {
    let (x1, y1) = (from.x + from.width / 2.0, from.y + from.height);
    let (x2, y2) = (to.x + to.width / 2.0, to.y);
    let turn = if x2 < x1 { -10.0 } else { 10.0 };
    write!(
        svg,
        "<path class=\"edge\" marker-end=\"url(#arrow)\" d=\"M{x1:.1} {y1:.1}V{:.1}Q{x1:.1} {between:.1} {:.1} {between:.1}\
         H{:.1}Q{x2:.1} {between:.1} {x2:.1} {:.1}V{y2:.1}\"/>",
        between - 10.0,
        x1 + turn,
        x2 - turn,
        between + 10.0
    )
}

fn link(svg: &mut String, processor: Rect, store: Rect) -> Result {
    let x1 = processor.x + processor.width / 2.0;
    let x2 = store.x + store.width / 2.0;
    let (top, bottom) = if processor.y < store.y {
        (processor.y + processor.height, store.y)
    } else {
        (processor.y, store.y + store.height)
    };
    write!(
        svg,
        "<path class=\"link\" d=\"M{x1:.1} {top:.1}L{x2:.1} {bottom:.1}\"/>"
    )
}

fn node(svg: &mut String, kind: Kind, name: &str, place: &Rect) -> Result {
    let Rect {
        x,
        y,
        width,
        height,
    } = place;
    let class = kind.class();
    write!(svg, "<g class=\"node {class}\">")?;
    if kind == Kind::Store {
        let (right, bottom, half) = (x + width, y + height - 6.0, width / 2.0);
        let top = y + 6.0;
        write!(
            svg,
            "<path d=\"M{x:.1} {top:.1}V{bottom:.1}A{half:.1} 6 0 0 0 {right:.1} {bottom:.1}V{top:.1}\
             A{half:.1} 6 0 0 0 {x:.1} {top:.1}A{half:.1} 6 0 0 0 {right:.1} {top:.1}\"/>"
        )?;
    } else {
        let radius = match kind {
            Kind::Topic => height / 2.0,
            _ => 6.0,
        };
        write!(
            svg,
            "<rect x=\"{x:.1}\" y=\"{y:.1}\" width=\"{width:.1}\" height=\"{height:.1}\" rx=\"{radius}\"/>"
        )?;
    }
    let middle = x + width / 2.0;
    let (first, second) = if kind == Kind::Store {
        (27.0, 39.0)
    } else {
        (20.0, 34.0)
    };
    write!(
        svg,
        "<text class=\"name\" x=\"{middle:.1}\" y=\"{:.1}\">{}</text><text class=\"kind\" x=\"{middle:.1}\" y=\"{:.1}\">{class}</text></g>",
        y + first,
        escaped(name),
        y + second
    )
}
