@{
  Func<Match, string> show = null;
  show = m => m.Index + "+" + m.Length + "{" + string.Join(";", m.Groups.Cast<Group>().Select(g =>
    g.Success + ":" + string.Join(",", g.Captures.Cast<Capture>().Select(c => c.Index + "+" + c.Length)))) + "}";
  var said = new StringBuilder();
  foreach (var one in context.Request.Body.As<JArray>()) {
    said.Append("\u0001");
    var text = (string)one["text"];
    var with = (string)one["with"];
    var from = (int)one["from"];
    var most = (int)one["most"];
    try {
      var regex = new Regex((string)one["pattern"], (RegexOptions)(int)one["options"], TimeSpan.FromSeconds(1));
      said.Append(string.Join(",", regex.GetGroupNames())).Append(" ").Append(string.Join(",", regex.GetGroupNumbers()));
      said.Append("\nmatches ").Append(string.Join("|", regex.Matches(text).Cast<Match>().Take(20).Select(show)));
      said.Append("\nfrom ").Append(string.Join("|", regex.Matches(text, from).Cast<Match>().Take(20).Select(show)));
      said.Append("\nnext ").Append(show(regex.Match(text).NextMatch().NextMatch()));
      said.Append("\nwithin ").Append(show(regex.Match(text, from, text.Length - from)));
      said.Append("/").Append(show(regex.Match(text, 0, from)));
      said.Append("\nis ").Append(regex.IsMatch(text)).Append(regex.IsMatch(text, from));
      said.Append("\nsplit ").Append(string.Join("|", regex.Split(text)));
      said.Append("\nsplit most ").Append(string.Join("|", regex.Split(text, most, from)));
      said.Append("\nresult ").Append(regex.IsMatch(text) ? regex.Match(text).Result(with) : "");
      said.Append("\nreplace ").Append(regex.Replace(text, with));
      said.Append("\nreplace most ").Append(regex.Replace(text, with, most, from));
      said.Append("\ncalled ").Append(regex.Replace(text, m => "<" + m.Value + ">"));
    } catch (ArgumentException e) {
      said.Append("refused ").Append(e.GetType().Name);
    } catch (Exception e) {
      said.Append("thrown ").Append(e.GetType().Name);
    }
  }
  return said.ToString();
}
