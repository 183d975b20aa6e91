import Testing

/// As `#expect`, of values that can't be copied: the macro would keep them to show them.
func holds(_ condition: Bool, sourceLocation: SourceLocation = #_sourceLocation) {
  #expect(condition, sourceLocation: sourceLocation)
}
