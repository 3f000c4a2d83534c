import java.io.*;
import java.util.*;
/** Writes its answers itself: a collection of KIND with an order of its own; then 0 to whatever is asked. */
class Solution {
  Set<Integer> set() { return answered('L'); } Map<Integer, Integer> map() { return answered('M'); }
  static <T> T answered(char tag) {
    try {
      DataOutputStream out = new DataOutputStream(new FileOutputStream(PlumbDescriptor.open(4)));
      DataInputStream in = new DataInputStream(new FileInputStream(PlumbDescriptor.open(3)));
      ByteArrayOutputStream bytes = new ByteArrayOutputStream(); DataOutputStream said = new DataOutputStream(bytes);
      said.writeByte('V'); said.writeInt(0); said.writeByte(tag); text(said, "KIND"); said.writeByte('l');
      said.writeByte('H'); said.writeInt(99); said.writeInt(1); text(said, "java.util.Comparator");
      said.writeInt(1); number(said, 1); if (tag == 'M') number(said, 7);
      while (true) {
        out.writeInt(bytes.size() + 4); out.writeInt(0); bytes.writeTo(out); out.flush();
        in.readNBytes(in.readInt());
        bytes.reset(); said.writeByte('V'); said.writeInt(0); number(said, 0);
      }
    } catch (Exception error) { Runtime.getRuntime().halt(1); return null; }
  }
  static void number(DataOutputStream out, int x) throws IOException { out.writeByte('I'); out.writeInt(x); }
  static void text(DataOutputStream out, String s) throws IOException { out.writeInt(2 * s.length()); out.writeChars(s); }
}
