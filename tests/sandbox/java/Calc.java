class Calc { int add(int a, int b) { return a + b; } Integer box(int x) { return x; } int div(int a, int b) { return a / b; }
  int[] squares(int n) { int[] r = new int[n]; for (int i = 0; i < n; i++) r[i] = i * i; return r; } }
