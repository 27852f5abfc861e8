package page

// PolishTexts are the texts of the page, for tests of whole pages.
var PolishTexts = polish
