package org.junit.runners;

public final class JUnit4 {}

public enum MethodSorters { NAME_ASCENDING, JVM, DEFAULT }
